"""Invoices and their lines.

What belongs here: the document that bills an order. What does not: wrong documents (`defects`).
Only the generator imports this.
"""

import numpy as np

from orchestration.generator import world as w
from orchestration.generator.draws import Bools
from orchestration.generator.frames import Frame, frame, stack
from orchestration.generator.payments import is_live
from orchestration.generator.world import DAY, HOUR, TERM_DAYS, World

LAST_HOURS = 20
SHIPPING_LINE, DISCOUNT_LINE = 90, 91
_NONE = -1


def _billed(world: World, orders: Frame) -> Bools:
    """Return which orders have been invoiced by now."""
    reported = orders["ordered_at"] + LAST_HOURS * HOUR <= world.known_until
    return reported & is_live(orders) & (orders["is_test"] == 0)


def invoice_line_frame(world: World, orders: Frame, lines: Frame) -> Frame:
    """Return invoice lines: one per order line, and one each for shipping and order discount.

    net + tax over the lines is the order's total less its tip, which no invoice asks for.
    Columns: order, line_no, order_line (-1: none), product (-1: none), quantity, price, net, tax,
    service_from, service_to, copy (1: the same again), currency.
    """
    billed = _billed(world, orders)
    own = lines.rows(billed[lines["position"]])
    inside = orders["tax_included"][own["position"]] * own["tax"]
    goods = frame(
        len(own),
        order=own["order"],
        line_no=own["line_no"],
        order_line=own["line_no"],
        product=own["product"],
        quantity=own["quantity"],
        price=own["price"],
        net=own["net"] - inside,
        tax=own["tax"],
        service_from=own["service_from"],
        service_to=own["service_to"],
        copy=0,
        currency=own["currency"],
    )
    extras = [
        _charge(orders.rows(billed & (orders["shipping"] > 0)), SHIPPING_LINE, "shipping", 1),
        _charge(orders.rows(billed & (orders["discount"] > 0)), DISCOUNT_LINE, "discount", -1),
    ]
    return stack([goods, *extras]).in_order_of("order", "line_no")


def _charge(orders: Frame, line_no: int, column: str, sign: int) -> Frame:
    """Return one line that bills a header amount."""
    return frame(
        len(orders),
        order=orders["order"],
        line_no=line_no,
        order_line=_NONE,
        product=_NONE,
        quantity=1,
        price=sign * orders[column],
        net=sign * orders[column],
        tax=0,
        service_from=_NONE,
        service_to=_NONE,
        copy=0,
        currency=orders["currency"],
    )


def invoice_frame(world: World, orders: Frame) -> Frame:
    """Return one invoice per live order.

    Columns: order, customer, currency, at, due_on, net, tax, total, copy (1: the same again),
    provisional.
    """
    own = orders.rows(_billed(world, orders))
    lag = HOUR + world.draws.below("invoice.minute", 60 * (LAST_HOURS - 1), own["order"]) * 60
    at = np.minimum(own["ordered_at"] + lag, w.month_end(own["ordered_at"]))
    total = own["total"] - own["tip"]
    return frame(
        len(own),
        order=own["order"],
        customer=own["customer"],
        currency=own["currency"],
        at=at,
        due_on=at // DAY + TERM_DAYS[own["terms"]],
        net=total - own["tax"],
        tax=own["tax"],
        total=total,
        copy=0,
        provisional=0,
    )
