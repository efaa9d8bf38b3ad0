"""Payments: how the money of an order came in.

What belongs here: the ways to pay as a table, and the payment rows of an order.
What does not: settlement of those payments (`settlement`) and wrong payments (`defects`).
Only the generator imports this.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.generator import world as w
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import Frame, frame, stack
from orchestration.generator.world import HOUR, World

KINDS = (
    "authorization", "capture", "sale", "void", "refund", "refund_failed",
    "chargeback", "chargeback_reversal", "gift_card", "store_credit",
)  # fmt: skip
(
    AUTHORIZATION, CAPTURE, SALE, VOID, REFUND, REFUND_FAILED,
    CHARGEBACK, CHARGEBACK_REVERSAL, GIFT_CARD, STORE_CREDIT,
) = range(10)  # fmt: skip
# What a succeeded payment adds to what an order has received.
EVIDENCE_SIGN = np.array([0, 1, 1, 0, -1, 1, -1, 1, 1, 1])
METHODS = ("card", "wallet", "bank_transfer", "gift_card", "store_credit")
STATUSES = ("succeeded", "pending", "failed")
SUCCEEDED, PENDING, FAILED = range(3)
# What the provider does with a payment: what is right, nothing, too little, too dear, or abroad.
SETTLED, UNSETTLED, SETTLED_SHORT, SETTLED_DEAR, SETTLED_ABROAD = range(5)
# How a document names its order: by its id, by one that no order has, damaged, or not at all.
REF_OK, REF_UNKNOWN, REF_DAMAGED, REF_BLANK = range(4)
NO_PARENT = -1


@dataclass(frozen=True, slots=True)
class Step:
    """One payment row in a way to pay.

    Attributes:
        kind: Position in KINDS.
        share: What it moves: ALL of the total, FIRST or REST of a split, EXTRA, ALL_AND_EXTRA.
        hours: Whole hours after the order; the minutes are drawn.
        parent: Sequence of the row that it refers to.
        status: Position in STATUSES.
        method: Position in METHODS; None takes the customer's method.
    """

    kind: int
    share: int
    hours: int
    parent: int = NO_PARENT
    status: int = SUCCEEDED
    method: int | None = None


ALL, FIRST, REST, EXTRA, ALL_AND_EXTRA = range(5)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay an order; each brings in exactly what is due.

    Attributes:
        name: For people.
        shop: How often shops see it, against the others.
        contract: How often contract orders are paid so.
        cancelled: How often cancelled orders went so.
        steps: The payments, in order.
    """

    name: str
    shop: int
    contract: int
    cancelled: int
    steps: tuple[Step, ...]


WAYS: tuple[Way, ...] = (
    Way("authorize then capture", 42, 45, 0,
     (Step(AUTHORIZATION, ALL, 0), Step(CAPTURE, ALL, 9, 0))),
    Way("sale", 30, 45, 0, (Step(SALE, ALL, 0),)),
    Way("several captures", 9, 10, 0,
     (Step(AUTHORIZATION, ALL, 0), Step(CAPTURE, FIRST, 6, 0), Step(CAPTURE, REST, 16, 0))),
    Way("gift card and sale", 5, 0, 0,
     (Step(GIFT_CARD, FIRST, 0, method=3), Step(SALE, REST, 0))),
    Way("store credit and sale", 3, 0, 0,
     (Step(STORE_CREDIT, FIRST, 0, method=4), Step(SALE, REST, 0))),
    Way("captured too much, refunded", 4, 0, 0,
     (Step(AUTHORIZATION, ALL_AND_EXTRA, 0), Step(CAPTURE, ALL_AND_EXTRA, 4, 0),
      Step(REFUND, EXTRA, 15, 1))),
    Way("second attempt", 4, 0, 0,
     (Step(SALE, ALL, 0, status=FAILED), Step(SALE, ALL, 1))),
    Way("dispute won", 1, 0, 0,
     (Step(SALE, ALL, 0), Step(CHARGEBACK, ALL, 8, 0), Step(CHARGEBACK_REVERSAL, ALL, 17, 0))),
    Way("authorized anew", 2, 0, 0,
     (Step(AUTHORIZATION, ALL, 0), Step(VOID, ALL, 5, 0), Step(AUTHORIZATION, ALL, 6),
      Step(CAPTURE, ALL, 11, 2))),
    Way("never authorized", 0, 0, 25, ()),
    Way("authorized and voided", 0, 0, 35,
     (Step(AUTHORIZATION, ALL, 0), Step(VOID, ALL, 6, 0))),
    Way("captured and refunded", 0, 0, 40,
     (Step(AUTHORIZATION, ALL, 0), Step(CAPTURE, ALL, 3, 0), Step(REFUND, ALL, 14, 1))),
)  # fmt: skip
LAST_HOURS = 18


def is_live(orders: Frame) -> Bools:
    """Return which orders oblige somebody: confirmed or closed."""
    return (orders["status"] == w.CONFIRMED) | (orders["status"] == w.CLOSED)


def payment_frame(world: World, orders: Frame) -> Frame:
    """Return the payments of the orders; all of an order's, or none while one is still to come.

    Columns: order, seq (position within the order), parent, kind, amount (minor, positive),
    currency, customer, at, method, status, ref_kind, is_test, refused (0: readable),
    settled (what the provider does with it).
    """
    draws = world.draws
    reported = orders["ordered_at"] + LAST_HOURS * HOUR <= world.known_until
    chosen = orders.rows(reported & (orders["status"] != w.DRAFT) & (orders["total"] > 0))
    way = _ways(world, chosen)
    method = _methods(world, chosen)
    minutes = draws.below("payment.minute", 3_000, chosen["order"])
    amounts = _amounts(world, chosen)
    nobody = chosen.rows(np.zeros(0, np.int64))
    parts = [payment_rows(nobody, seq=0, kind=SALE, amount=0, at=0, method=0)]
    for number, option in enumerate(WAYS):
        rows = np.flatnonzero(way == number)
        own = chosen.rows(rows)
        for seq, step in enumerate(option.steps):
            part = payment_rows(
                own,
                seq=seq,
                kind=step.kind,
                amount=amounts[step.share][rows],
                at=own["ordered_at"] + step.hours * HOUR + minutes[rows],
                method=method[rows] if step.method is None else step.method,
                parent=step.parent,
                status=step.status,
            )
            parts.append(part)
    return stack(parts).in_order_of("order", "seq")


def payment_rows(orders: Frame, **columns: Ints | int) -> Frame:
    """Return one payment for each of the orders: succeeded and rightly named unless said otherwise.

    Args:
        orders: The orders that the payments name.
        columns: seq, kind, amount, at and method; any other column to differ from the usual.
    """
    return frame(
        len(orders),
        order=orders["order"],
        seq=columns["seq"],
        parent=NO_PARENT,
        kind=columns["kind"],
        amount=columns["amount"],
        currency=orders["currency"],
        customer=orders["customer"],
        at=columns["at"],
        method=columns["method"],
        status=SUCCEEDED,
        ref_kind=REF_OK,
        is_test=orders["is_test"],
        refused=0,
        settled=SETTLED,
    ).having(**columns)


def _ways(world: World, orders: Frame) -> Ints:
    """Return the position in WAYS for each order; what is too small to split is a plain sale."""
    draw = world.draws.pick
    shop = draw("payment.way", [option.shop for option in WAYS], orders["order"])
    contract = draw("payment.way", [option.contract for option in WAYS], orders["order"])
    cancelled = draw("payment.way", [option.cancelled for option in WAYS], orders["order"])
    way = np.where(w.is_enterprise(orders["type"]), contract, shop)
    way = np.where((orders["total"] < 100) | (orders["is_test"] == 1), 1, way)
    return np.where(orders["status"] == w.CANCELLED, cancelled, way)


def _methods(world: World, orders: Frame) -> Ints:
    """Return how each order is paid: contracts mostly by bank, the rest by card or wallet."""
    contract = world.draws.pick("payment.method", (30, 0, 70), orders["order"])
    shop = world.draws.pick("payment.method", (75, 25, 0), orders["order"])
    return np.where(w.is_enterprise(orders["type"]), contract, shop)


def _amounts(world: World, orders: Frame) -> tuple[Ints, ...]:
    """Return the amount of each share, in the order of ALL, FIRST, REST, EXTRA, ALL_AND_EXTRA."""
    total = orders["total"]
    first = total * world.draws.between("payment.first", 20, 80, orders["order"]) // 100
    extra = np.maximum(total // 20, 1)
    return total, first, total - first, extra, total + extra
