"""The book that the sample stories are written into: rows of each stream, and what must be found.

What belongs here: the columns of the streams, the sums of an order, the files.
What does not: any story. Only the samples import this.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from hashlib import blake2b
from pathlib import Path

TODAY = datetime(2026, 6, 30, tzinfo=UTC)
EXPONENTS: Mapping[str, int] = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3}

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "customers": (
        "customer_id", "name", "tier", "segment", "country", "sales_owner_id", "churn_risk",
        "credit_limit", "currency",
    ),
    "people": (
        "person_id", "name", "email", "role", "manager_id", "approval_limit", "currency",
    ),
    "products": ("sku", "name", "product_family", "tax_class", "fulfilment"),
    "price_book": ("sku", "currency", "unit_price", "valid_from", "valid_to", "segment"),
    "sellers": ("seller_id", "name", "recon_owner_id", "commission_rate", "currency"),
    "contracts": (
        "contract_id", "customer_id", "start_on", "end_on", "payment_terms", "tax_class",
        "currency", "renews_contract_id", "status",
    ),
    "orders": (
        "order_id", "order_type", "channel", "customer_id", "contract_id", "amends_order_id",
        "renews_order_id", "opportunity_id", "sales_owner_id", "currency", "ordered_at",
        "effective_on", "ends_on", "payment_terms", "tax_included", "discount_amount",
        "shipping_amount", "tax_amount", "tip_amount", "total_amount", "status", "approved_by",
        "is_test",
    ),
    "order_lines": (
        "order_id", "line_no", "sku", "seller_id", "quantity", "quantity_is_delta", "unit_price",
        "discount_amount", "tax_class", "tax_amount", "service_start_on", "service_end_on",
        "amends_line_no", "status",
    ),
    "invoices": (
        "invoice_id", "invoice_no", "order_ref", "customer_id", "currency", "issued_at", "due_on",
        "status", "kind", "is_provisional", "net_amount", "tax_amount", "total_amount",
    ),
    "invoice_lines": (
        "invoice_id", "line_no", "order_ref", "order_line_no", "sku", "quantity", "unit_price",
        "net_amount", "tax_amount", "service_start_on", "service_end_on",
    ),
    "payments": (
        "payment_id", "parent_payment_id", "kind", "order_ref", "invoice_ref", "customer_id",
        "amount", "currency", "occurred_at", "method", "status",
    ),
    "shipments": (
        "shipment_id", "order_ref", "status", "shipped_at", "delivered_at", "tracking_no",
    ),
    "shipment_lines": (
        "shipment_id", "line_no", "order_ref", "order_line_no", "sku", "quantity", "is_return",
    ),
    "settlement_batches": (
        "batch_id", "provider", "currency", "closed_at", "net_amount", "payout_on", "trace_id",
        "status",
    ),
    "settlement_lines": (
        "batch_id", "line_no", "type", "payment_ref", "order_ref", "gross_amount", "fee_amount",
        "fee_tax_amount", "net_amount", "currency", "posted_at",
    ),
    "bank_lines": (
        "account_id", "line_id", "value_on", "amount", "currency", "reference", "counterparty",
    ),
    "seller_statements": (
        "statement_id", "seller_id", "order_ref", "gross_amount", "commission_amount",
        "fee_amount", "withholding_amount", "net_amount", "currency", "paid_at",
    ),
    "forecasts": ("opportunity_id", "as_of_on", "category", "amount", "currency", "close_on"),
    "fx_rates": ("rate_on", "from_currency", "to_currency", "rate", "source"),
}  # fmt: skip

Value = str | int | bool | Decimal | date | datetime | None
Row = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Expected:
    """One exception that the samples hold.

    Attributes:
        exception_code: Its class.
        leg_code: `payment`, `fulfilment` or `seller_split`; None when it shows before any leg.
        order_id: The order it concerns; None when the document belongs to no order.
        native_ref: Id of the document that shows it.
        story: What happened, in one sentence.
    """

    exception_code: str
    leg_code: str | None
    order_id: str | None
    native_ref: str
    story: str


@dataclass(slots=True)
class Book:
    """Everything the stories have said so far."""

    streams: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    expected: list[Expected] = field(default_factory=list)

    def add(self, stream: str, at: datetime, **values: Value) -> Row:
        """Write one row; columns not named are null; `at` becomes its moment of last change."""
        unknown = sorted(set(values) - set(COLUMNS[stream]))
        if unknown:
            raise KeyError(f"{stream} has no column {', '.join(unknown)}")
        row: Row = {name: values.get(name) for name in COLUMNS[stream]}
        row["updated_at"] = at
        self.streams[stream].append(row)
        return row

    def expect(
        self, code: str, leg: str | None, order_id: str | None, story: str, native_ref: str = ""
    ) -> None:
        """Note an exception that must be found."""
        self.expected.append(Expected(code, leg, order_id, native_ref or order_id or "", story))


def days_ago(days: int, hour: int = 9, minute: int = 0) -> datetime:
    """Return a moment before 2026-06-30, UTC."""
    return TODAY - timedelta(days=days) + timedelta(hours=hour, minutes=minute)


def chosen(question: str, limit: int) -> int:
    """Return a whole number from 0 to `limit` - 1 that depends on the question alone."""
    return int.from_bytes(blake2b(question.encode(), digest_size=8).digest(), "big") % limit


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return the amount at its currency's decimals, half up."""
    return amount.quantize(Decimal(1).scaleb(-EXPONENTS[currency]), ROUND_HALF_UP)


def as_text(value: Value) -> str:
    """Return a value as the extract writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def file_texts(book: Book) -> Mapping[str, str]:
    """Return file name to contents for every stream that has rows."""
    texts = {}
    for stream, rows in book.streams.items():
        if rows:
            buffer = io.StringIO()
            writer = csv.writer(buffer, lineterminator="\n")
            writer.writerow([*COLUMNS[stream], "updated_at"])
            writer.writerows([as_text(value) for value in row.values()] for row in rows)
            texts[f"{stream}.csv"] = buffer.getvalue()
    return texts


def write_files(book: Book, folder: Path) -> None:
    """Write every stream's file; files of streams that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = file_texts(book)
    for path in folder.glob("*.csv"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8"))


def differences(book: Book, folder: Path) -> Sequence[str]:
    """Return one sentence for each file that is not what the stories say; empty when all are."""
    texts = file_texts(book)
    there = {path.name for path in folder.glob("*.csv")}
    found = [f"{folder / name} belongs to no stream: remove it." for name in there - set(texts)]
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != text.encode("utf-8"):
            found.append(
                f"{path} is not what the stories make: run "
                "`python -m orchestration.generator.samples --write`."
            )
    return sorted(found)
