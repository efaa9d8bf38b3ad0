"""Where the money of the samples went: settlement batches by provider, currency and week; the bank.

What belongs here: settlement and bank rows made from the payments. What does not: payments.
Only the samples import this.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from orchestration.generator.samples.book import Book, Row, rounded

_PROVIDERS: Mapping[str, str] = {
    "card": "cardway", "wallet": "pocketpay", "bank_transfer": "girohub",
}  # fmt: skip
_FEES: Mapping[str, Decimal] = {
    "cardway": Decimal("0.029"), "pocketpay": Decimal("0.034"), "girohub": Decimal("0.002"),
}  # fmt: skip
_SIGNED: Mapping[str, tuple[str, int]] = {
    "capture": ("payment", 1), "sale": ("payment", 1), "refund": ("refund", -1),
    "chargeback": ("chargeback", -1), "chargeback_reversal": ("chargeback", 1),
}  # fmt: skip


def settle(book: Book) -> None:
    """Write a weekly batch per provider and currency, its lines, and its arrival at the bank."""
    orders = {row["order_id"]: row["is_test"] for row in book.streams["orders"]}
    batches: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in book.streams["payments"]:
        moved = row["kind"] in _SIGNED and row["status"] == "succeeded"
        provider = _PROVIDERS.get(str(row["method"]))
        if moved and provider and not orders.get(row["order_ref"]):
            closed = _week_end(_moment(row["occurred_at"]) + timedelta(days=1))
            batches[f"{closed:%Y%m%d}", provider, str(row["currency"])].append(row)
    for (closed_on, provider, currency), rows in sorted(batches.items()):
        name = f"STL-{provider}-{currency}-{closed_on}"
        _write_batch(book, name, (provider, currency), rows)
    for line in book.streams["settlement_lines"]:
        if line["order_ref"] not in orders:
            line["order_ref"] = None


def _moment(value: object) -> datetime:
    """Return a payment's moment in UTC."""
    if not isinstance(value, datetime):
        raise TypeError(f"not a moment: {value!r}")
    return value.astimezone(UTC)


def _week_end(moment: datetime) -> datetime:
    """Return the end of the Sunday of a moment's week."""
    sunday = moment + timedelta(days=6 - moment.weekday())
    return sunday.replace(hour=23, minute=59, second=59, microsecond=0)


def _write_batch(book: Book, name: str, where: tuple[str, str], payments: list[Row]) -> None:
    """Write lines, the batch that they foot to, and the bank line that pays it out."""
    provider, currency = where
    net = Decimal(0)
    for number, row in enumerate(payments, start=1):
        kind, sign = _SIGNED[str(row["kind"])]
        gross = sign * Decimal(str(row["amount"]))
        fee = rounded(gross * _FEES[provider] if kind == "payment" else Decimal(0), currency)
        posted = _moment(row["occurred_at"]) + timedelta(days=1)
        net += gross - fee
        book.add(
            "settlement_lines", posted, batch_id=name, line_no=number, type=kind,
            payment_ref=row["payment_id"], order_ref=row["order_ref"], gross_amount=gross,
            fee_amount=fee, fee_tax_amount=rounded(Decimal(0), currency),
            net_amount=gross - fee, currency=currency, posted_at=posted,
        )  # fmt: skip
    closed = _week_end(_moment(payments[0]["occurred_at"]) + timedelta(days=1))
    paid_on = (closed + timedelta(days=2)).date()
    trace = f"TRC{name[4:].upper().replace('-', '')}"
    book.add(
        "settlement_batches", closed, batch_id=name, provider=provider, currency=currency,
        closed_at=closed, net_amount=net, payout_on=paid_on, trace_id=trace, status="paid",
    )  # fmt: skip
    book.add(
        "bank_lines", closed + timedelta(days=2), account_id=f"BANK-{currency}",
        line_id=f"BNK-{name[4:]}", value_on=paid_on, amount=net, currency=currency,
        reference=f"PAYOUT {trace}", counterparty=provider,
    )  # fmt: skip
