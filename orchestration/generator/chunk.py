"""Some orders with all their documents, in memory.

What belongs here: building the frames of a range of orders, before defects and settlement.
What does not: how each document is made (`orders`, `payments`, `deliveries`, `billing`).
Only the generator imports this.
"""

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.generator.billing import invoice_frame, invoice_line_frame
from orchestration.generator.deliveries import (
    shipment_frame,
    shipment_line_frame,
    statement_frame,
)
from orchestration.generator.draws import Ints
from orchestration.generator.frames import Frame, positions
from orchestration.generator.orders import line_frame, order_frame, priced
from orchestration.generator.payments import payment_frame
from orchestration.generator.world import World


@dataclass(frozen=True, slots=True)
class Chunk:
    """Orders in ascending number, and what belongs to them; columns as in the building modules."""

    orders: Frame
    lines: Frame
    payments: Frame
    shipments: Frame
    shipment_lines: Frame
    invoices: Frame
    invoice_lines: Frame
    statements: Frame


# What was agreed: headers and lines, and the same as they shall be instead.
Agreed = Callable[[Frame, Frame], tuple[Frame, Frame]]


def build_chunk(world: World, numbers: Ints, agreed: Agreed | None = None) -> Chunk:
    """Return the orders of these numbers (ascending) with everything reported about them so far.

    Args:
        world: Where they are placed.
        numbers: Which.
        agreed: Changes what was agreed before anything follows from it.
    """
    headers = order_frame(world, numbers)
    lines = line_frame(world, headers)
    if agreed is not None:
        headers, lines = agreed(headers, lines)
    orders = priced(world, headers, lines)
    shipment_lines = shipment_line_frame(world, orders, lines)
    shipments = shipment_frame(world, orders, shipment_lines)
    invoices = invoice_frame(world, orders)
    invoice_lines = invoice_line_frame(world, orders, lines)
    return Chunk(
        orders=orders,
        lines=lines,
        payments=payment_frame(world, orders),
        shipments=shipments,
        shipment_lines=shipment_lines.having(
            at=shipments["at"][positions(_parcels(shipment_lines), _parcels(shipments))]
        ),
        invoices=invoices,
        invoice_lines=invoice_lines.having(
            at=invoices["at"][positions(invoice_lines["order"], invoices["order"])]
        ),
        statements=statement_frame(world, orders, lines),
    )


def _parcels(rows: Frame) -> Ints:
    """Return one number per parcel, ascending with order and parcel."""
    return rows["order"] * 2 + rows["parcel"]
