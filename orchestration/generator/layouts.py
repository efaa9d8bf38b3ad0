"""The delivered columns of each stream: names as in the generic contract, values as text.

What belongs here: one function per stream, from a frame to columns in their order.
What does not: files (`files`) and the small reference streams (`reference`).
Only the generator imports this.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.generator import deliveries, payments, settlement, text
from orchestration.generator import world as w
from orchestration.generator.draws import Ints
from orchestration.generator.frames import Frame
from orchestration.generator.world import DAY, World

Columns = Mapping[str, pa.Array]

_DAMAGED_REFS = ("1.23457E+17", "1.00042E+15", "9.98E+11", "4.50017E+20")
_UNKNOWN_FROM = 900_000_000
_COPIES_FROM = 100_000_000
_LINE_STATUSES = ("open", "fulfilled", "cancelled")
_LINE_STATUS_OF_ORDER = np.array([0, 0, 2, 1])
REFUSED_AMOUNTS = ("12O.50", "10.123456", "1 250.00")
REFUSED_CURRENCY, REFUSED_TIME = 4, 5


def _flag(values: Ints) -> pa.Array:
    return text.choices(("false", "true"), values)


def _order_id(numbers: Ints) -> pa.Array:
    return text.ids("ORD", numbers)


def _order_ref(numbers: Ints, ref_kinds: Ints) -> pa.Array:
    """Return how a document names its order: right, wrong, damaged or not at all."""
    named = np.where(ref_kinds == payments.REF_UNKNOWN, numbers + _UNKNOWN_FROM, numbers)
    refs = _order_id(np.where(ref_kinds <= payments.REF_UNKNOWN, named, -1))
    damaged = ref_kinds == payments.REF_DAMAGED
    if not damaged.any():
        return refs
    bad = text.choices(_DAMAGED_REFS, numbers[damaged] % len(_DAMAGED_REFS))
    return pc.replace_with_mask(refs, pa.array(damaged), bad)


def _currency(positions: Ints) -> pa.Array:
    return text.choices(w.CURRENCIES, positions)


def _seen(world: World, at: Ints, lag_seconds: int = 60) -> pa.Array:
    """Return the moment of last change: soon after the event, never after what is known."""
    return text.times(np.minimum(at + lag_seconds, world.known_until))


def orders(world: World, rows: Frame) -> Columns:
    """Columns of `orders`."""
    exponents = w.EXPONENTS[rows["currency"]]
    none = text.constant(None, len(rows))
    contract = rows["contract"]
    shop = contract < 0
    changed_at = rows["changed_at"] if "changed_at" in rows.columns else rows["ordered_at"] + 60
    return {
        "order_id": _order_id(rows["order"]),
        "order_type": text.choices(w.ORDER_TYPES, rows["type"]),
        "channel": text.choices(w.CHANNELS, rows["channel"]),
        "customer_id": text.ids("CUS", rows["customer"], 6),
        "contract_id": text.ids("CON", contract, 6, np.full(len(rows), 2)),
        "amends_order_id": _order_id(rows["amends"]),
        "renews_order_id": none,
        "opportunity_id": text.ids("OPP", np.where(shop, -1, rows["root"])),
        "sales_owner_id": text.ids("PER", rows["owner"], 4),
        "currency": _currency(rows["currency"]),
        "ordered_at": text.times(rows["ordered_at"]),
        "effective_on": text.dates(rows["ordered_at"] // DAY),
        "ends_on": text.dates(rows["ends_on"], ~shop),
        "payment_terms": text.choices(w.TERMS, rows["terms"]),
        "tax_included": _flag(rows["tax_included"]),
        "discount_amount": text.money(rows["discount"], exponents),
        "shipping_amount": text.money(rows["shipping"], exponents),
        "tax_amount": text.money(rows["tax"], exponents),
        "tip_amount": text.money(rows["tip"], exponents),
        "total_amount": text.money(rows["total"], exponents),
        "status": text.choices(w.ORDER_STATUSES, rows["status"]),
        "approved_by": text.ids("PER", rows["approver"], 4),
        "is_test": _flag(rows["is_test"]),
        "updated_at": text.times(np.minimum(changed_at, world.known_until)),
    }


def order_lines(world: World, rows: Frame) -> Columns:
    """Columns of `order_lines`."""
    exponents = w.EXPONENTS[rows["currency"]]
    served = rows["service_from"] >= 0
    return {
        "order_id": _order_id(rows["order"]),
        "line_no": text.whole(rows["line_no"]),
        "sku": text.ids("SKU", rows["product"], 4),
        "seller_id": text.ids("SEL", rows["seller"], 4),
        "quantity": text.whole(rows["quantity"]),
        "quantity_is_delta": _flag(rows["is_delta"]),
        "unit_price": text.money(rows["price"], exponents),
        "discount_amount": text.money(rows["discount"], exponents),
        "tax_class": text.choices(w.TAX_CLASSES, rows["tax_class"]),
        "tax_amount": text.money(rows["tax"], exponents),
        "service_start_on": text.dates(rows["service_from"], served),
        "service_end_on": text.dates(rows["service_to"], served),
        "amends_line_no": text.whole(rows["amends_line"], rows["amends_line"] >= 0),
        "status": text.choices(_LINE_STATUSES, _LINE_STATUS_OF_ORDER[rows["status"]]),
        "updated_at": _seen(world, rows["ordered_at"]),
    }


def payment_rows(world: World, rows: Frame) -> Columns:
    """Columns of `payments`; a refused row carries one value that nobody can read."""
    refused = rows["refused"]
    spoiled = np.flatnonzero((refused > 0) & (refused < REFUSED_CURRENCY))
    amount = text.money(rows["amount"], w.EXPONENTS[rows["currency"]])
    amount = _spoil(amount, spoiled, [REFUSED_AMOUNTS[code - 1] for code in refused[spoiled]])
    wrong_currency = np.flatnonzero(refused == REFUSED_CURRENCY)
    wrong_time = np.flatnonzero(refused == REFUSED_TIME)
    occurred = text.times(rows["at"])
    return {
        "payment_id": text.ids("PAY", rows["order"], 9, rows["seq"]),
        "parent_payment_id": text.ids(
            "PAY", np.where(rows["parent"] < 0, -1, rows["order"]), 9, np.abs(rows["parent"])
        ),
        "kind": text.choices(payments.KINDS, rows["kind"]),
        "order_ref": _order_ref(rows["order"], rows["ref_kind"]),
        "invoice_ref": text.constant(None, len(rows)),
        "customer_id": text.ids("CUS", rows["customer"], 6),
        "amount": amount,
        "currency": _spoil(
            _currency(rows["currency"]), wrong_currency, ["XQZ"] * len(wrong_currency)
        ),
        "occurred_at": _spoil(occurred, wrong_time, ["2026-02-31T25:00:00Z"] * len(wrong_time)),
        "method": text.choices(payments.METHODS, rows["method"]),
        "status": text.choices(payments.STATUSES, rows["status"]),
        "updated_at": _seen(world, rows["at"]),
    }


def _spoil(values: pa.Array, rows: Ints, texts: list[str]) -> pa.Array:
    """Return the values with some replaced by text that does not belong there."""
    if not len(rows):
        return values
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array(texts, pa.string()))


def shipments(world: World, rows: Frame) -> Columns:
    """Columns of `shipments`."""
    arrived = rows["delivered_at"] >= 0
    latest = np.where(arrived, rows["delivered_at"], rows["at"])
    return {
        "shipment_id": text.ids("SHP", rows["order"], 9, rows["parcel"]),
        "order_ref": _order_ref(rows["order"], rows["ref_kind"]),
        "status": text.choices(deliveries.STATUSES, rows["status"]),
        "shipped_at": text.times(rows["at"]),
        "delivered_at": text.times(rows["delivered_at"], arrived),
        "tracking_no": text.ids("TRK", rows["order"], 9, rows["parcel"]),
        "updated_at": _seen(world, latest),
    }


def shipment_lines(world: World, rows: Frame) -> Columns:
    """Columns of `shipment_lines`."""
    return {
        "shipment_id": text.ids("SHP", rows["order"], 9, rows["parcel"]),
        "line_no": text.whole(rows["line_no"]),
        "order_ref": _order_ref(rows["order"], rows["ref_kind"]),
        "order_line_no": text.whole(rows["line_no"]),
        "sku": text.ids("SKU", rows["product"], 4),
        "quantity": text.whole(rows["quantity"]),
        "is_return": text.constant("false", len(rows)),
        "updated_at": _seen(world, rows["at"]),
    }


def _numbered(rows: Frame) -> Ints:
    """Return the numbers of invoices: those of their orders, and others for what is there again."""
    return rows["order"] + rows["copy"] * _COPIES_FROM


def invoices(world: World, rows: Frame) -> Columns:
    """Columns of `invoices`."""
    exponents = w.EXPONENTS[rows["currency"]]
    return {
        "invoice_id": text.ids("INV", _numbered(rows)),
        "invoice_no": text.ids("R", _numbered(rows)),
        "order_ref": _order_id(rows["order"]),
        "customer_id": text.ids("CUS", rows["customer"], 6),
        "currency": _currency(rows["currency"]),
        "issued_at": text.times(rows["at"]),
        "due_on": text.dates(rows["due_on"]),
        "status": text.constant("paid", len(rows)),
        "kind": text.constant("invoice", len(rows)),
        "is_provisional": _flag(rows["provisional"]),
        "net_amount": text.money(rows["net"], exponents),
        "tax_amount": text.money(rows["tax"], exponents),
        "total_amount": text.money(rows["total"], exponents),
        "updated_at": _seen(world, rows["at"]),
    }


def invoice_lines(world: World, rows: Frame) -> Columns:
    """Columns of `invoice_lines`."""
    exponents = w.EXPONENTS[rows["currency"]]
    served = rows["service_from"] >= 0
    return {
        "invoice_id": text.ids("INV", _numbered(rows)),
        "line_no": text.whole(rows["line_no"]),
        "order_ref": _order_id(rows["order"]),
        "order_line_no": text.whole(rows["order_line"], rows["order_line"] >= 0),
        "sku": text.ids("SKU", rows["product"], 4),
        "quantity": text.whole(rows["quantity"]),
        "unit_price": text.money(rows["price"], exponents),
        "net_amount": text.money(rows["net"], exponents),
        "tax_amount": text.money(rows["tax"], exponents),
        "service_start_on": text.dates(rows["service_from"], served),
        "service_end_on": text.dates(rows["service_to"], served),
        "updated_at": _seen(world, rows["at"]),
    }


def seller_statements(world: World, rows: Frame) -> Columns:
    """Columns of `seller_statements`."""
    exponents = w.EXPONENTS[rows["currency"]]
    return {
        "statement_id": text.ids("STM", rows["order"], 9, rows["slot"]),
        "seller_id": text.ids("SEL", rows["seller"], 4),
        "order_ref": _order_id(rows["order"]),
        "gross_amount": text.money(rows["gross"], exponents),
        "commission_amount": text.money(rows["commission"], exponents),
        "fee_amount": text.money(rows["fee"], exponents),
        "withholding_amount": text.money(rows["withholding"], exponents),
        "net_amount": text.money(rows["net"], exponents),
        "currency": _currency(rows["currency"]),
        "paid_at": text.times(rows["at"]),
        "updated_at": _seen(world, rows["at"]),
    }


def settlement_lines(world: World, rows: Frame) -> Columns:
    """Columns of `settlement_lines`."""
    exponents = w.EXPONENTS[rows["currency"]]
    named = np.where(rows["ref_kind"] == payments.REF_OK, rows["order"], -1)
    return {
        "batch_id": text.ids("STL", rows["batch"], 6),
        "line_no": text.whole(rows["line_no"]),
        "type": text.choices(settlement.LINE_TYPES, rows["type"]),
        "payment_ref": text.ids("PAY", rows["order"], 9, rows["seq"]),
        "order_ref": _order_id(named),
        "gross_amount": text.money(rows["gross"], exponents),
        "fee_amount": text.money(rows["fee"], exponents),
        "fee_tax_amount": text.money(rows["fee_tax"], exponents),
        "net_amount": text.money(rows["net"], exponents),
        "currency": _currency(rows["currency"]),
        "posted_at": text.times(rows["at"]),
        "updated_at": _seen(world, rows["at"]),
    }


def settlement_batches(world: World, rows: Frame) -> Columns:
    """Columns of `settlement_batches`."""
    closed = (rows["day"] + 1) * DAY - 1
    return {
        "batch_id": text.ids("STL", rows["batch"], 6),
        "provider": text.choices(settlement.PROVIDERS, rows["provider"]),
        "currency": _currency(rows["currency"]),
        "closed_at": text.times(closed),
        "net_amount": text.money(rows["stated"], w.EXPONENTS[rows["currency"]]),
        "payout_on": text.dates(rows["day"] + 1),
        "trace_id": text.ids("TRC", rows["batch"]),
        "status": text.choices(settlement.BATCH_STATUSES, rows["status"]),
        "updated_at": _seen(world, closed),
    }


def bank_lines(world: World, rows: Frame) -> Columns:
    """Columns of `bank_lines`: each batch arrives as one line that quotes its trace id."""
    known = rows["is_stray"] == 0
    quoted = text.ids("PAYOUT TRC", rows["batch"])
    stray = text.ids("BNX", rows["batch"])
    return {
        "account_id": text.choices([f"BANK-{code}" for code in w.CURRENCIES], rows["currency"]),
        "line_id": pc.if_else(pa.array(known), text.ids("BNK", rows["batch"]), stray),
        "value_on": text.dates(rows["day"] + 1),
        "amount": text.money(rows["net"], w.EXPONENTS[rows["currency"]]),
        "currency": _currency(rows["currency"]),
        "reference": pc.if_else(pa.array(known), quoted, pa.scalar("MISC CREDIT", pa.string())),
        "counterparty": text.choices(
            (*settlement.PROVIDERS, None),
            np.where(known, rows["provider"], len(settlement.PROVIDERS)),
        ),
        "updated_at": _seen(world, (rows["day"] + 2) * DAY - 1, 0),
    }


Layout = Callable[[World, Frame], Columns]
