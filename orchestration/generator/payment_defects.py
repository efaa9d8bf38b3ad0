"""Defects of payments: the money that came in is not what the order asked for.

What belongs here: one function per class, and their table. What does not: which order gets which
(`defects`). Only the generator imports this.
"""

from dataclasses import replace

import numpy as np

from orchestration.generator import payments as p
from orchestration.generator import world as w
from orchestration.generator.chunk import Chunk
from orchestration.generator.defect_kinds import ADDED, Defect, Injector, Mark, any_live
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import Frame, member, positions, stack
from orchestration.generator.layouts import REFUSED_TIME
from orchestration.generator.world import DAY, HOUR, World


def _plainly_paid(chunk: Chunk) -> Bools:
    """Live orders that were paid and had nothing taken back."""
    reversals = member(chunk.payments["kind"], np.array([p.REFUND, p.CHARGEBACK]))
    turned = member(chunk.orders["order"], chunk.payments["order"][reversals])
    return p.is_live(chunk.orders) & (_last_taking(chunk, None) >= 0) & ~turned


def _cancelled_and_refunded(chunk: Chunk) -> Bools:
    refunds = chunk.payments["order"][chunk.payments["kind"] == p.REFUND]
    cancelled = chunk.orders["status"] == w.CANCELLED
    return cancelled & member(chunk.orders["order"], refunds)


def _draft(chunk: Chunk) -> Bools:
    """Orders of which nothing is due yet."""
    return chunk.orders["status"] == w.DRAFT


def _last_taking(chunk: Chunk, at: Ints | None) -> Ints:
    """Return the row of each order's last succeeded capture or sale; -1 where there is none."""
    taking = (chunk.payments["kind"] == p.CAPTURE) | (chunk.payments["kind"] == p.SALE)
    rows = np.flatnonzero(taking & (chunk.payments["status"] == p.SUCCEEDED))
    last = np.full(len(chunk.orders), -1, np.int64)
    known = positions(chunk.payments["order"][rows], chunk.orders["order"])
    np.maximum.at(last, known, rows)
    return last if at is None else last[at]


def _with_amount(chunk: Chunk, rows: Ints, change: Ints) -> Chunk:
    amount = chunk.payments["amount"].copy()
    amount[rows] += change
    return replace(chunk, payments=chunk.payments.having(amount=amount))


def _with_payments(chunk: Chunk, added: Frame) -> Chunk:
    return replace(chunk, payments=stack([chunk.payments, added]))


def _drop_payments(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    gone = member(chunk.payments["order"], chunk.orders["order"][at])
    left = replace(chunk, payments=chunk.payments.rows(~gone))
    return left, Mark(chunk.orders["total"][at])


def _take_less(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    rows = _last_taking(chunk, at)
    percent = world.draws.between("defect.short", 20, 40, chunk.orders["order"][at])
    missing = np.maximum(chunk.payments["amount"][rows] * percent // 100, 1)
    return _with_amount(chunk, rows, -missing), Mark(missing)


def _take_more(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    rows = _last_taking(chunk, at)
    percent = world.draws.between("defect.over", 20, 40, chunk.orders["order"][at])
    extra = chunk.orders["total"][at] * percent // 100
    return _with_amount(chunk, rows, extra), Mark(extra, chunk.payments["seq"][rows])


def _take_twice(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    again = chunk.payments.rows(_last_taking(chunk, at))
    again = again.having(seq=ADDED, at=again["at"] + 300)
    return _with_payments(chunk, again), Mark(again["amount"], ADDED)


def _refund_again(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    own = chunk.orders.rows(at)
    amount = own["total"] * world.draws.between("defect.refund", 30, 100, own["order"]) // 100
    taken = chunk.payments.rows(_last_taking(chunk, at))
    again = taken.having(
        seq=ADDED, kind=p.REFUND, amount=amount, at=taken["at"] + DAY, parent=taken["seq"]
    )
    return _with_payments(chunk, again), Mark(amount, ADDED)


def _keep_money(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    own = member(chunk.payments["order"], chunk.orders["order"][at])
    left = chunk.payments.rows(~(own & (chunk.payments["kind"] == p.REFUND)))
    return replace(chunk, payments=left), Mark(chunk.orders["total"][at])


def _stray(ref_kind: int) -> Injector:
    """Return a maker of one payment too many, with its way of naming the order."""

    def make(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
        own = chunk.orders.rows(at)
        cents = world.draws.between("defect.stray", 1_001, 9_999, own["order"])
        amount = w.in_currency(cents, own["currency"])
        moment = own["ordered_at"] + 20 * HOUR
        added = p.payment_rows(
            own, seq=ADDED, kind=p.SALE, amount=amount, at=moment, method=0, ref_kind=ref_kind
        )
        return _with_payments(chunk, added), Mark(amount, ADDED)

    return make


def _unreadable(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    """Add an authorization, which counts for nothing, with one value that nobody can read."""
    own = chunk.orders.rows(at)
    added = p.payment_rows(
        own,
        seq=ADDED,
        kind=p.AUTHORIZATION,
        amount=own["total"],
        at=own["ordered_at"] + 2 * HOUR,
        method=0,
        refused=1 + world.draws.below("defect.refused", REFUSED_TIME, own["order"]),
    )
    return _with_payments(chunk, added), Mark(np.zeros(len(at), np.int64), ADDED)


PAYMENT_DEFECTS: tuple[Defect, ...] = (
    Defect("PAY_MISSING", "payment", 3, "orders", True, _plainly_paid, _drop_payments,
           "No payment was delivered for the order."),
    Defect("PAY_SHORT", "payment", 3, "orders", True, _plainly_paid, _take_less,
           "The last capture or sale is 20 to 40 percent short."),
    Defect("PAY_OVER", "payment", 2, "payments", True, _plainly_paid, _take_more,
           "The last capture or sale takes 20 to 40 percent of the order too much."),
    Defect("PAY_DUPLICATE", "payment", 2, "payments", True, _plainly_paid, _take_twice,
           "The last capture or sale is there twice, five minutes apart."),
    Defect("PAY_REFUND_EXCEEDS", "payment", 20, "payments", True, _cancelled_and_refunded,
           _refund_again, "The cancelled order was refunded more than was taken."),
    Defect("PAY_REFUND_MISSING", "payment", 20, "orders", True, _cancelled_and_refunded,
           _keep_money, "The cancelled order's money was not returned."),
    Defect("PAY_UNAPPLIED", "payment", 1, "payments", True, _draft, _stray(p.REF_OK),
           "A payment for an order that was never confirmed."),
    Defect("PAY_UNAPPLIED", "payment", 1, "payments", False, any_live, _stray(p.REF_BLANK),
           "A payment too many that names neither order nor invoice."),
    Defect("KEY_ORPHAN_RIGHT", "payment", 1, "payments", False, any_live,
           _stray(p.REF_UNKNOWN), "A payment too many that names an order nobody placed."),
    Defect("KEY_CORRUPTED", "payment", 1, "payments", False, any_live, _stray(p.REF_DAMAGED),
           "A payment too many whose order number was damaged."),
    Defect("ING_ROW_REJECTED", None, 1, "payments", False, any_live, _unreadable,
           "An authorization with a value that cannot be read."),
)  # fmt: skip
