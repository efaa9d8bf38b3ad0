"""Defects of deliveries: what was sent, or stated to sellers, is not what was ordered.

What belongs here: one function per class, and their table. What does not: which order gets which
(`defects`). Only the generator imports this.
"""

from dataclasses import replace

import numpy as np

from orchestration.generator import deliveries
from orchestration.generator import payments as p
from orchestration.generator import world as w
from orchestration.generator.chunk import Chunk
from orchestration.generator.defect_kinds import ADDED, Defect, Injector, Mark, any_live
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import frame, member, positions, stack
from orchestration.generator.world import HOUR, World

# A seller's gross below this could be split wrongly within a tolerance.
_LEAST_GROSS = 2_000


def _shipped(chunk: Chunk) -> Bools:
    return member(chunk.orders["order"], chunk.shipments["order"])


def _shipped_several(chunk: Chunk) -> Bools:
    """Orders with a shipment line of more than one piece."""
    rows = chunk.shipment_lines["quantity"] > 1
    return member(chunk.orders["order"], chunk.shipment_lines["order"][rows])


def _split_over_sellers(chunk: Chunk) -> Bools:
    second = chunk.statements["order"][chunk.statements["slot"] == 1]
    return _paid_to_sellers(chunk) & member(chunk.orders["order"], second)


def _paid_to_sellers(chunk: Chunk) -> Bools:
    large = (chunk.statements["slot"] == 0) & (chunk.statements["gross"] >= _LEAST_GROSS)
    return member(chunk.orders["order"], chunk.statements["order"][large])


def _send_nothing(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    order = chunk.orders["order"][at]
    due = member(chunk.lines["order"], order) & (chunk.lines["fulfilment"] == w.SHIP)
    value = np.zeros(len(chunk.orders), np.int64)
    np.add.at(value, chunk.lines["position"][due], chunk.lines["net"][due])
    left = replace(
        chunk,
        shipments=chunk.shipments.rows(~member(chunk.shipments["order"], order)),
        shipment_lines=chunk.shipment_lines.rows(~member(chunk.shipment_lines["order"], order)),
    )
    return left, Mark(value[at])


def _send_pieces(change: int) -> Injector:
    """Return a maker that puts one piece more or fewer into the order's fullest parcel line."""

    def make(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
        del world
        lines, order = chunk.shipment_lines, chunk.orders["order"][at]
        rows = np.flatnonzero(member(lines["order"], order))
        rows = rows[np.lexsort((rows, -lines["quantity"][rows], lines["order"][rows]))]
        fullest = rows[np.unique(lines["order"][rows], return_index=True)[1]]
        quantity = lines["quantity"].copy()
        quantity[fullest] += change
        key = chunk.lines["order"] * 100 + chunk.lines["line_no"]
        sold = positions(order * 100 + lines["line_no"][fullest], key)
        changed = replace(chunk, shipment_lines=lines.having(quantity=quantity))
        return changed, Mark(chunk.lines["price"][sold], lines["parcel"][fullest])

    return make


def _send_unasked(ref_kind: int) -> Injector:
    """Return a maker of one parcel of one piece too many, with its way of naming the order."""

    def make(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
        own = chunk.orders.rows(at)
        moment = own["ordered_at"] + 30 * HOUR
        product = world.draws.below("defect.unasked", int(w.PRODUCT_COUNT[w.SHIP]), own["order"])
        parcel = deliveries.shipments(world, own["order"], ADDED, moment)
        line = frame(
            len(own),
            order=own["order"],
            parcel=ADDED,
            line_no=1,
            product=product,
            quantity=1,
            ref_kind=ref_kind,
            at=moment,
        )
        added = replace(
            chunk,
            shipments=stack([chunk.shipments, parcel.having(ref_kind=ref_kind)]),
            shipment_lines=stack([chunk.shipment_lines, line]),
        )
        return added, Mark(world.price(product, own["currency"]), ADDED)

    return make


def _statement_rows(chunk: Chunk, at: Ints, slot: int) -> Ints:
    """Return the row of each order's statement in a slot (0 to 2)."""
    rows = np.flatnonzero(chunk.statements["slot"] == slot)
    return rows[positions(chunk.orders["order"][at], chunk.statements["order"][rows])]


def _split_wrongly(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    """Give a part of the first seller's gross to the second: the total stays right."""
    first, second = _statement_rows(chunk, at, 0), _statement_rows(chunk, at, 1)
    gross = chunk.statements["gross"].copy()
    percent = world.draws.between("defect.split", 30, 60, chunk.orders["order"][at])
    moved = np.maximum(gross[first] * percent // 100, 1)
    gross[first] -= moved
    gross[second] += moved
    statements = deliveries.with_commission(world, chunk.statements.having(gross=gross))
    return replace(chunk, statements=statements), Mark(moved)


def _forget_seller(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    gone = _statement_rows(chunk, at, 0)
    left = np.ones(len(chunk.statements), np.bool_)
    left[gone] = False
    owed = chunk.statements["gross"][gone]
    return replace(chunk, statements=chunk.statements.rows(left)), Mark(owed)


DELIVERY_DEFECTS: tuple[Defect, ...] = (
    Defect("FUL_MISSING", "fulfilment", 3, "orders", True, _shipped, _send_nothing,
           "Nothing was sent of what the order ships."),
    Defect("FUL_SHORT", "fulfilment", 3, "shipments", True, _shipped_several, _send_pieces(-1),
           "One piece fewer was sent than ordered."),
    Defect("FUL_OVER", "fulfilment", 2, "shipments", True, _shipped, _send_pieces(1),
           "One piece more was sent than ordered."),
    Defect("FUL_NO_ORDER", "fulfilment", 1, "shipments", False, any_live,
           _send_unasked(p.REF_UNKNOWN), "A parcel names an order nobody placed."),
    Defect("KEY_MISSING", "fulfilment", 1, "shipments", False, any_live,
           _send_unasked(p.REF_BLANK), "A parcel names no order at all."),
    Defect("MKT_SPLIT", "seller_split", 6, "orders", True, _split_over_sellers, _split_wrongly,
           "A part of one seller's sale was stated for another."),
    Defect("MKT_PAYOUT_MISSING", "seller_split", 4, "orders", True, _paid_to_sellers,
           _forget_seller, "One seller's statement does not list the order."),
)  # fmt: skip
