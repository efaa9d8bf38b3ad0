"""Shipments and seller statements: what left the warehouse, what sellers were told they sold.

What belongs here: both documents as they follow from order lines.
What does not: wrong ones (`defects`).
Only the generator imports this.
"""

import numpy as np

from orchestration.generator import world as w
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import Frame, frame, stack
from orchestration.generator.payments import REF_OK, is_live
from orchestration.generator.world import DAY, HOUR, World

STATUSES = ("pending", "shipped", "delivered", "cancelled", "returned")
SHIPPED, DELIVERED = 1, 2
LAST_HOURS = 66
CONTRACT_LAST_HOURS = 20
SLOTS = 3


def _due(world: World, orders: Frame) -> Bools:
    """Return which orders' deliveries have all been reported by now."""
    hours = np.where(w.is_enterprise(orders["type"]), CONTRACT_LAST_HOURS, LAST_HOURS)
    reported = orders["ordered_at"] + hours * HOUR <= world.known_until
    return reported & is_live(orders) & (orders["is_test"] == 0)


def shipment_line_frame(world: World, orders: Frame, lines: Frame) -> Frame:
    """Return what was shipped of each line that ships; some orders go in two parcels.

    Columns: order, parcel (0 or 1), line_no (of the order, unique in the parcel), product,
    quantity, ref_kind.
    """
    due = _due(world, orders)
    split = due & world.draws.chance("shipment.split", 1_500, orders["order"])
    split &= ~w.is_enterprise(orders["type"])
    shipped = lines.rows((lines["fulfilment"] == w.SHIP) & due[lines["position"]])
    in_two = split[shipped["position"]]
    quantity, line_no = shipped["quantity"], shipped["line_no"]
    later = np.where(quantity > 1, quantity - quantity // 2, quantity * (line_no % 2))
    later = np.where(in_two, later, 0)
    parcels = []
    for parcel, part in ((0, quantity - later), (1, later)):
        rows = part > 0
        own = shipped.rows(rows)
        parcels.append(
            frame(
                len(own),
                order=own["order"],
                parcel=parcel,
                line_no=own["line_no"],
                product=own["product"],
                quantity=part[rows],
                ref_kind=REF_OK,
            )
        )
    return stack(parcels).in_order_of("order", "parcel", "line_no")


def shipment_frame(world: World, orders: Frame, shipment_lines: Frame) -> Frame:
    """Return one shipment per parcel.

    Columns: order, parcel, at, delivered_at, status, ref_kind.
    """
    key = shipment_lines["order"] * 2 + shipment_lines["parcel"]
    order, parcel = np.divmod(np.unique(key), 2)
    at_row = np.searchsorted(orders["order"], order)
    contract = w.is_enterprise(orders["type"][at_row])
    minutes = world.draws.below("shipment.minute", 24 * 60, order, parcel)
    hours = np.where(contract, 4 + minutes // 120, 6 + parcel * 30 + minutes // 60)
    at = orders["ordered_at"][at_row] + hours * HOUR + minutes % 60 * 60
    # Goods leave in the month in which they are invoiced: what crosses it is a defect.
    at = np.minimum(at, w.month_end(orders["ordered_at"][at_row]))
    return shipments(world, order, parcel, at)


def shipments(world: World, order: Ints, parcel: Ints | int, at: Ints) -> Frame:
    """Return shipments sent at `at`, delivered some days later if that is past."""
    arrives = at + DAY + world.draws.below("shipment.days", 3 * DAY, order)
    arrived = arrives <= world.known_until
    return frame(
        len(order),
        order=order,
        parcel=parcel,
        at=at,
        delivered_at=np.where(arrived, arrives, -1),
        status=np.where(arrived, DELIVERED, SHIPPED),
        ref_kind=REF_OK,
    )


def statement_frame(world: World, orders: Frame, lines: Frame) -> Frame:
    """Return one seller statement row per order and seller.

    gross = sum of the seller's lines net; net = gross - commission - fee - withholding.
    Columns: order, slot (0 to 2), seller, gross, commission, fee, withholding, net, currency, at.
    """
    due = _due(world, orders)
    sold = lines.rows((lines["seller"] >= 0) & due[lines["position"]])
    # Lines go round the sellers of an order, so a seller's first line number is its slot.
    first_line = sold["line_no"] - 1
    pair = np.lexsort((first_line, sold["seller"], sold["order"]))
    sold = sold.rows(pair)
    starts = np.ones(len(sold), np.bool_)
    starts[1:] = (np.diff(sold["order"]) != 0) | (np.diff(sold["seller"]) != 0)
    begin = np.flatnonzero(starts)
    gross = np.add.reduceat(sold["net"], begin) if len(begin) else np.zeros(0, np.int64)
    rows = sold.rows(begin)
    hours = 24 + world.draws.below("statement.hour", LAST_HOURS - 24, rows["order"])
    made = frame(
        len(rows),
        order=rows["order"],
        slot=rows["line_no"] - 1,
        seller=rows["seller"],
        gross=gross,
        currency=rows["currency"],
        at=rows["ordered_at"] + hours * HOUR,
    )
    return with_commission(world, made).in_order_of("order", "slot")


def with_commission(world: World, statements: Frame) -> Frame:
    """Return statements with commission, fee and net worked out from their gross."""
    gross = statements["gross"]
    commission = w.share(gross, world.seller_commission(statements["seller"]))
    fee = w.share(gross, 150)
    return statements.having(
        commission=commission, fee=fee, withholding=0, net=gross - commission - fee
    )
