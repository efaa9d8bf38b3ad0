"""Defects of invoices: what was billed is not what the order and its deliveries come to.

What belongs here: one function per class, and their table. What does not: which order gets which
(`defects`). Only the generator imports this.
"""

from dataclasses import replace

import numpy as np

from orchestration.generator import world as w
from orchestration.generator.chunk import Chunk
from orchestration.generator.defect_kinds import Defect, Mark
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import member, positions, stack
from orchestration.generator.world import HOUR, World

_LEAST_TAX = 500
_CENTS = np.array([exponent == 2 for exponent in w.EXPONENTS])


def _invoiced(chunk: Chunk) -> Bools:
    """Orders with an invoice."""
    return member(chunk.orders["order"], chunk.invoices["order"])


def _invoiced_net(chunk: Chunk) -> Bools:
    """Orders with an invoice whose prices are without tax, and that are worth something."""
    return _invoiced(chunk) & (chunk.orders["tax_included"] == 0) & (chunk.orders["is_free"] == 0)


def _invoiced_renewal(chunk: Chunk) -> Bools:
    """Renewals with an invoice."""
    return _invoiced(chunk) & (chunk.orders["type"] == w.RENEWAL)


def _invoiced_once(chunk: Chunk) -> Bools:
    """Other orders with an invoice: a renewal that nobody billed is a class of its own."""
    return _invoiced(chunk) & (chunk.orders["type"] != w.RENEWAL)


def _invoiced_no_renewal(chunk: Chunk) -> Bools:
    """The same without renewals, whose prices are a class of their own."""
    return _invoiced_net(chunk) & (chunk.orders["type"] != w.RENEWAL)


def _invoiced_with_tax(chunk: Chunk) -> Bools:
    return _invoiced_net(chunk) & (chunk.orders["tax"] >= _LEAST_TAX)


def _invoiced_in_cents(chunk: Chunk) -> Bools:
    return _invoiced(chunk) & _CENTS[chunk.orders["currency"]]


def _invoiced_and_sent(chunk: Chunk) -> Bools:
    return _invoiced(chunk) & member(chunk.orders["order"], chunk.shipment_lines["order"])


def _invoice_rows(chunk: Chunk, at: Ints) -> Ints:
    return positions(chunk.orders["order"][at], chunk.invoices["order"])


def _first_lines(chunk: Chunk, at: Ints) -> Ints:
    """Return the row of each order's first invoice line."""
    return positions(chunk.orders["order"][at], chunk.invoice_lines["order"])


def _without_invoices(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    order = chunk.orders["order"][at]
    amount = chunk.invoices["total"][_invoice_rows(chunk, at)]
    left = replace(
        chunk,
        invoices=chunk.invoices.rows(~member(chunk.invoices["order"], order)),
        invoice_lines=chunk.invoice_lines.rows(~member(chunk.invoice_lines["order"], order)),
    )
    return left, Mark(amount)


def _bill_twice(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    again = chunk.invoices.rows(_invoice_rows(chunk, at))
    lines = chunk.invoice_lines.rows(member(chunk.invoice_lines["order"], again["order"]))
    doubled = replace(
        chunk,
        invoices=stack([chunk.invoices, again.having(copy=1)]).in_order_of("order", "copy"),
        invoice_lines=stack([chunk.invoice_lines, lines.having(copy=1)]).in_order_of(
            "order", "copy", "line_no"
        ),
    )
    return doubled, Mark(again["total"])


def _with_more(chunk: Chunk, at: Ints, net: Ints, line_changes: dict[str, Ints]) -> Chunk:
    """Return the chunk with more billed on the first line of each invoice, taxed at its rate."""
    lines, rows = chunk.invoice_lines, _first_lines(chunk, at)
    points = w.TAX_BASIS_POINTS[_tax_classes(chunk, rows)]
    tax = w.share(lines["net"][rows] + net, points) - lines["tax"][rows]
    changed = {name: lines[name].copy() for name in ("net", "tax", *line_changes)}
    changed["net"][rows] += net
    changed["tax"][rows] += tax
    for name, change in line_changes.items():
        changed[name][rows] += change
    heads = _invoice_rows(chunk, at)
    totals = {name: chunk.invoices[name].copy() for name in ("net", "tax", "total")}
    totals["net"][heads] += net
    totals["tax"][heads] += tax
    totals["total"][heads] += net + tax
    return replace(
        chunk,
        invoices=chunk.invoices.having(**totals),
        invoice_lines=lines.having(**changed),
    )


def _tax_classes(chunk: Chunk, rows: Ints) -> Ints:
    """Return the tax class of the order lines that these invoice lines bill."""
    ordered = chunk.lines["order"] * 100 + chunk.lines["line_no"]
    billed = chunk.invoice_lines["order"][rows] * 100 + chunk.invoice_lines["order_line"][rows]
    return chunk.lines["tax_class"][positions(billed, ordered)]


def _bill_dearer(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    rows = _first_lines(chunk, at)
    percent = world.draws.between("defect.price", 20, 40, chunk.orders["order"][at])
    rise = np.maximum(chunk.invoice_lines["price"][rows] * percent // 100, 1)
    more = rise * chunk.invoice_lines["quantity"][rows]
    return _with_more(chunk, at, more, {"price": rise}), Mark(more)


def _bill_one_more(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    price = chunk.invoice_lines["price"][_first_lines(chunk, at)]
    return _with_more(chunk, at, price, {"quantity": np.ones(len(at), np.int64)}), Mark(price)


def _tax_too_much(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    own = chunk.orders.rows(at)
    percent = world.draws.between("defect.tax", 20, 40, own["order"])
    more = own["tax"] * percent // 100
    heads = _invoice_rows(chunk, at)
    totals = {name: chunk.invoices[name].copy() for name in ("tax", "total")}
    for values in totals.values():
        values[heads] += more
    tax = chunk.invoice_lines["tax"].copy()
    tax[_first_lines(chunk, at)] += more
    changed = replace(
        chunk,
        invoices=chunk.invoices.having(**totals),
        invoice_lines=chunk.invoice_lines.having(tax=tax),
    )
    return changed, Mark(more)


def _other_currency(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    heads = _invoice_rows(chunk, at)
    cents = np.flatnonzero(_CENTS)
    currency = chunk.invoices["currency"].copy()
    currency[heads] = np.where(currency[heads] == cents[0], cents[1], cents[0])
    changed = replace(chunk, invoices=chunk.invoices.having(currency=currency))
    return changed, Mark(chunk.invoices["total"][heads])


def _other_party(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    heads = _invoice_rows(chunk, at)
    customer = chunk.invoices["customer"].copy()
    customer[heads] = (customer[heads] + 1) % world.customers
    changed = replace(chunk, invoices=chunk.invoices.having(customer=customer))
    return changed, Mark(chunk.invoices["total"][heads])


def _only_provisional(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    del world
    heads = _invoice_rows(chunk, at)
    provisional = chunk.invoices["provisional"].copy()
    provisional[heads] = 1
    changed = replace(chunk, invoices=chunk.invoices.having(provisional=provisional))
    return changed, Mark(chunk.invoices["total"][heads])


def _in_the_month_before(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
    """Date the invoice an hour before the month in which the goods left."""
    del world
    heads = _invoice_rows(chunk, at)
    moment = chunk.invoices["at"].copy()
    months = moment[heads].astype("datetime64[s]").astype("datetime64[M]")
    moment[heads] = months.astype("datetime64[s]").astype(np.int64) - HOUR
    changed = replace(chunk, invoices=chunk.invoices.having(at=moment))
    return changed, Mark(chunk.invoices["net"][heads])


BILLING_DEFECTS: tuple[Defect, ...] = (
    Defect("BIL_MISSING", "invoice", 2, "orders", True, _invoiced_once, _without_invoices,
           "No invoice was delivered for the order."),
    Defect("REN_NOT_BILLED", "invoice", 1, "orders", True, _invoiced_renewal, _without_invoices,
           "No invoice was delivered for the renewal."),
    Defect("BIL_DUPLICATE", "invoice", 2, "invoices", True, _invoiced_net, _bill_twice,
           "The invoice is there twice, under two numbers."),
    Defect("BIL_PRICE", "invoice", 2, "invoices", True, _invoiced_no_renewal, _bill_dearer,
           "The first line is billed 20 to 40 percent dearer than ordered."),
    Defect("BIL_QTY", "invoice", 2, "invoices", True, _invoiced_net, _bill_one_more,
           "One piece more than ordered is billed."),
    Defect("BIL_CURRENCY", "invoice", 1, "invoices", True, _invoiced_in_cents, _other_currency,
           "The invoice is in another currency than the order."),
    Defect("BIL_PARTY", "invoice", 1, "invoices", True, _invoiced, _other_party,
           "The invoice went to another customer."),
    Defect("TAX_AMOUNT", "invoice", 2, "invoices", True, _invoiced_with_tax, _tax_too_much,
           "The invoice asks 20 to 40 percent more tax."),
    Defect("BIL_PROVISIONAL_STALE", "invoice", 1, "invoices", True, _invoiced, _only_provisional,
           "The invoice was never made final."),
    Defect("FUL_CUTOFF", "invoice", 1, "invoices", True, _invoiced_and_sent, _in_the_month_before,
           "The invoice is dated in the month before the goods left."),
)  # fmt: skip
