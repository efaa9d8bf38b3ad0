"""Defects of what was agreed: orders that a validation gate must hold.

What belongs here: one function per gate, and their table. What does not: which order gets which
(`defects`). Only the generator imports this.

What was agreed wrongly is carried through: the order's documents are built anew from it, so that
every leg still agrees and the gate alone has something to say.
"""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from orchestration.generator import world as w
from orchestration.generator.chunk import Agreed, Chunk, build_chunk
from orchestration.generator.defect_kinds import Defect, Injector, Mark, any_live
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import Frame, member, positions, stack
from orchestration.generator.payments import is_live
from orchestration.generator.world import World

# A quarter of the list price differs by more than anybody in sales may approve (10,000 US dollars)
# once the list price comes to 20,000.
_CHEAP_PERCENT, _DEAR_CENTS = 25, 2_000_000
# No product has such a number.
_UNLISTED = 9_000
_DAYS_TOO_LONG = 30


def _contract_orders(chunk: Chunk) -> Bools:
    return any_live(chunk) & w.is_enterprise(chunk.orders["type"])


def _large_contract_orders(chunk: Chunk) -> Bools:
    currency = chunk.orders["currency"]
    least = w.in_currency(np.full(len(currency), _DEAR_CENTS), currency)
    return _contract_orders(chunk) & (chunk.orders["net"] >= least)


def _shop_orders(chunk: Chunk) -> Bools:
    return any_live(chunk) & ~w.is_enterprise(chunk.orders["type"])


def _shop_orders_of_goods(chunk: Chunk) -> Bools:
    """Shop orders whose first line is shipped, as what nobody knows is taken to be."""
    lines = chunk.lines
    goods = lines["order"][(lines["line_no"] == 1) & (lines["fulfilment"] == w.SHIP)]
    return _shop_orders(chunk) & member(chunk.orders["order"], goods)


def _amendments(chunk: Chunk) -> Bools:
    return is_live(chunk.orders) & (chunk.orders["type"] == w.AMENDMENT)


def _cheap(orders: Frame, lines: Frame) -> tuple[Frame, Frame]:
    price = np.maximum(lines["price"] * _CHEAP_PERCENT // 100, 1)
    net = lines["quantity"] * price - lines["discount"]
    tax = w.share(net, w.TAX_BASIS_POINTS[lines["tax_class"]])
    return orders, lines.having(price=price, net=net, tax=tax)


def _other_terms(orders: Frame, lines: Frame) -> tuple[Frame, Frame]:
    return orders.having(terms=(orders["terms"] + 1) % w.NO_TERMS), lines


def _unlisted(orders: Frame, lines: Frame) -> tuple[Frame, Frame]:
    first = lines["line_no"] == 1
    return orders, lines.having(product=lines["product"] + first * _UNLISTED)


def _too_long(orders: Frame, lines: Frame) -> tuple[Frame, Frame]:
    served = lines["service_to"] >= 0
    return orders, lines.having(service_to=lines["service_to"] + served * _DAYS_TOO_LONG)


def _agreed(change: Agreed, minor: Callable[[Chunk, Chunk, Ints], Ints]) -> Injector:
    """Return a maker that builds the orders anew from what was agreed wrongly."""

    def make(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
        numbers = chunk.orders["order"][at]
        wrong = build_chunk(world, numbers, change)
        mended = {
            field.name: _with_rows(getattr(chunk, field.name), getattr(wrong, field.name), numbers)
            for field in fields(Chunk)
        }
        whole = replace(chunk, **mended)
        position = positions(whole.lines["order"], whole.orders["order"])
        return replace(whole, lines=whole.lines.having(position=position)), Mark(
            minor(chunk, wrong, at)
        )

    return make


def _with_rows(all_rows: Frame, own: Frame, numbers: Ints) -> Frame:
    """Return the rows with those of some orders replaced; an order's rows keep their order."""
    others = all_rows.rows(~member(all_rows["order"], numbers))
    return stack([others, own]).in_order_of("order")


def _nothing(_chunk: Chunk, _wrong: Chunk, at: Ints) -> Ints:
    return np.zeros(len(at), np.int64)


def _price_difference(chunk: Chunk, wrong: Chunk, at: Ints) -> Ints:
    return chunk.orders["net"][at] - wrong.orders["net"]


def _other_class(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    own = member(chunk.lines["order"], chunk.orders["order"][at]) & (chunk.lines["line_no"] == 1)
    tax_class = np.where(
        own, (chunk.lines["tax_class"] + 1) % len(w.TAX_CLASSES), chunk.lines["tax_class"]
    )
    first = chunk.lines.rows(own)
    return replace(chunk, lines=chunk.lines.having(tax_class=tax_class)), Mark(first["tax"])


def _unapproved(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    approver = chunk.orders["approver"].copy()
    approver[at] = -1
    mark = Mark(chunk.orders["total"][at])
    return replace(chunk, orders=chunk.orders.having(approver=approver)), mark


def _unpaid(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    gone = member(chunk.payments["order"], chunk.orders["order"][at])
    left = replace(chunk, payments=chunk.payments.rows(~gone))
    return left, Mark(chunk.orders["total"][at])


GATE_DEFECTS: tuple[Defect, ...] = (
    Defect("GATE_PRICE", None, 6, "orders", True, _large_contract_orders,
           _agreed(_cheap, _price_difference), "Sold at a quarter of the list price."),
    Defect("GATE_TERMS", None, 2, "orders", True, _contract_orders,
           _agreed(_other_terms, _nothing), "The order states other terms than its contract."),
    Defect("GATE_TAX_CLASS", None, 1, "orders", True, _shop_orders, _other_class,
           "The first line has the tax class of another product."),
    Defect("GATE_PRODUCT", None, 1, "orders", True, _shop_orders_of_goods,
           _agreed(_unlisted, _nothing), "The first line sells what is not listed."),
    Defect("GATE_DATES", None, 2, "orders", True, _contract_orders, _agreed(_too_long, _nothing),
           "The service ends thirty days after the contract."),
    Defect("GATE_APPROVAL_MISSING", None, 4, "orders", True, _amendments, _unapproved,
           "The amendment names nobody who approved it.", amends=True),
    Defect("GATE_CREDIT", None, 4, "orders", True, _contract_orders, _unpaid,
           "The order of a customer with next to no credit was not paid.",
           also=(("PAY_MISSING", "payment"),), without_credit=True),
)  # fmt: skip
