"""Defects put into generated orders, and the exception that each must lead to.

What belongs here: which order gets which defect, at most one each. What does not: how one is made
(`payment_defects`, `delivery_defects`, `settlement_defects`, `gate_defects`, `billing_defects`).
Only the generator imports this.
"""

from dataclasses import replace

import numpy as np

from orchestration.generator import world as w
from orchestration.generator.billing_defects import BILLING_DEFECTS
from orchestration.generator.chunk import Chunk
from orchestration.generator.defect_kinds import Defect, Mark
from orchestration.generator.delivery_defects import DELIVERY_DEFECTS
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import Frame, filled
from orchestration.generator.gate_defects import GATE_DEFECTS
from orchestration.generator.payment_defects import PAYMENT_DEFECTS
from orchestration.generator.settlement_defects import SETTLEMENT_DEFECTS
from orchestration.generator.truth import ExpectedException
from orchestration.generator.world import DAY, World

DEFECTS: tuple[Defect, ...] = (
    *PAYMENT_DEFECTS,
    *DELIVERY_DEFECTS,
    *SETTLEMENT_DEFECTS,
    *GATE_DEFECTS,
    *BILLING_DEFECTS,
)

# Whole days after which every leg of an order is past due: contracts wait for their payment terms,
# sellers for their payout. Differences smaller than this many minor units could pass as tolerated.
_CONTRACT_DAYS, _OTHER_DAYS, _LEAST_MINOR = 40, 21, 4_000
# Out of a hundred orders so many can have a defect; the others' share is put on these.
_ELIGIBLE_PERCENT = 56
_NUMBERED_AS_ORDERS = ("orders", "invoices")
_PREFIX = {"payments": "PAY", "shipments": "SHP", "orders": "ORD", "invoices": "INV"}


def inject(world: World, chunk: Chunk, per_million: int) -> tuple[Chunk, list[ExpectedException]]:
    """Return the chunk with a defect in about `per_million` of its orders, and what must be found.

    Orders that cannot have a defect (too young, too small, test, amended) get none and the others
    more, so that above a share of one half fewer come out than asked for.
    """
    choice = _choose(world, chunk, per_million)
    expected: list[tuple[int, ExpectedException]] = []
    for number, defect in enumerate(DEFECTS):
        at = np.flatnonzero(choice == number)
        if len(at):
            own = chunk.orders.rows(at)
            chunk, mark = defect.make(world, chunk, at)
            expected += _expected(defect, own, mark)
    if not expected:
        return chunk, []
    ordered = replace(
        chunk,
        payments=chunk.payments.in_order_of("order", "seq"),
        shipments=chunk.shipments.in_order_of("order", "parcel"),
        shipment_lines=chunk.shipment_lines.in_order_of("order", "parcel", "line_no"),
    )
    return ordered, [one for _, one in sorted(expected, key=lambda pair: pair[0])]


def _choose(world: World, chunk: Chunk, per_million: int) -> Ints:
    """Return the position in DEFECTS for each order; -1 for none."""
    orders = chunk.orders
    order = orders["order"]
    share = per_million * 100 // _ELIGIBLE_PERCENT
    hit = world.draws.below("defect", 1_000_000, order) < share
    hit &= _past_due(world, orders)
    choice = np.full(len(order), -1, np.int64)
    if not hit.any():
        return choice
    weights = np.stack(
        [
            defect.weight * (defect.eligible(chunk) & _kind(orders, defect))[hit]
            for defect in DEFECTS
        ],
        axis=1,
    )
    edges = np.cumsum(weights, axis=1)
    total = edges[:, -1]
    drawn = world.draws.below("defect.class", 1_000_000, order[hit]) * total // 1_000_000
    choice[hit] = np.where(total > 0, (drawn[:, None] >= edges).sum(axis=1), -1)
    return choice


def _kind(orders: Frame, defect: Defect) -> Bools:
    """Return which orders are of the kind that a defect is put into."""
    amends = orders["type"] == w.AMENDMENT
    alone = ~amends & (orders["is_amended"] == 0)
    credit = orders["has_credit"] == int(not defect.without_credit)
    return (amends if defect.amends else alone) & credit


def _past_due(world: World, orders: Frame) -> Bools:
    """Return which orders are old and large enough, and no test."""
    days = np.where(w.is_enterprise(orders["type"]), _CONTRACT_DAYS, _OTHER_DAYS)
    old = orders["ordered_at"] < world.as_of - days * DAY
    return old & (orders["is_test"] == 0) & (orders["total"] >= _LEAST_MINOR)


def _expected(defect: Defect, orders: Frame, mark: Mark) -> list[tuple[int, ExpectedException]]:
    """Return what must be found, with the number of the order it was put into."""
    prefix = _PREFIX[defect.stream]
    sequences = filled(mark.sequence, len(orders)).tolist()
    rows = zip(
        orders["order"].tolist(),
        orders["root"].tolist(),
        orders["currency"].tolist(),
        mark.minor.tolist(),
        sequences,
        strict=True,
    )
    found = []
    for order, root, currency, minor, sequence in rows:
        native = f"{prefix}-{order:09d}"
        if defect.stream not in _NUMBERED_AS_ORDERS:
            native += f"-{sequence}"
        for code, leg in ((defect.code, defect.leg), *defect.also):
            one = ExpectedException(
                f"ORD-{root:09d}" if defect.of_order else None,
                code,
                leg,
                minor,
                currency,
                defect.note,
                defect.stream,
                native,
            )
            found.append((order, one))
    return found
