"""How an order of the samples becomes rows: header and lines, payments, parcels, an invoice.

What belongs here: the rows of one order and of the documents that follow it.
What does not: which orders there are, and what goes wrong with them. Only the samples import this.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from orchestration.generator.samples.book import Book, Value, rounded
from orchestration.generator.samples.parties import TAX_PERCENT, Product

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order.

    Attributes:
        product: What is sold.
        quantity: Pieces or seats; the change, in an amendment.
        price: One unit, in the order's currency.
        discount: Off the whole line.
        seller_id: Who sells it, on the marketplace.
    """

    product: Product
    quantity: int
    price: Decimal
    discount: Decimal = ZERO
    seller_id: str | None = None

    @property
    def net(self) -> Decimal:
        """Quantity x price - discount."""
        return self.quantity * self.price - self.discount


@dataclass(slots=True)
class Deal:
    """An order, to which documents are added in the order in which they happen."""

    book: Book
    order_id: str
    customer_id: str
    currency: str
    at: datetime
    items: tuple[Item, ...]
    order_type: str
    tax_included: bool = False
    shipping: Decimal = ZERO
    discount: Decimal = ZERO
    tip: Decimal = ZERO
    status: str = "confirmed"
    service: tuple[date, date] | None = None
    header: dict[str, Value] = field(default_factory=dict)
    parcels: int = 0
    payments: int = 0

    @property
    def taxes(self) -> tuple[Decimal, ...]:
        """The tax of each line, inside the price or on top of it."""
        return tuple(self._tax(item) for item in self.items)

    def _tax(self, item: Item) -> Decimal:
        percent = TAX_PERCENT[self.currency, item.product.tax_class]
        whole = 100 + percent if self.tax_included else Decimal(100)
        return rounded(item.net * percent / whole, self.currency)

    @property
    def total(self) -> Decimal:
        """What the customer owes."""
        net = sum((item.net for item in self.items), ZERO)
        tax = ZERO if self.tax_included else sum(self.taxes, ZERO)
        return rounded(net + tax + self.shipping + self.tip - self.discount, self.currency)

    def place(self) -> "Deal":
        """Write the order and its lines."""
        is_delta = self.order_type == "amendment"
        begins, ends = self.service or (None, None)
        self.book.add(
            "orders", self.at, order_id=self.order_id, order_type=self.order_type,
            customer_id=self.customer_id, currency=self.currency, ordered_at=self.at,
            effective_on=begins or self.at.date(), ends_on=ends, tax_included=self.tax_included,
            discount_amount=rounded(self.discount, self.currency),
            shipping_amount=rounded(self.shipping, self.currency),
            tax_amount=rounded(sum(self.taxes, ZERO), self.currency),
            tip_amount=rounded(self.tip, self.currency), total_amount=self.total,
            status=self.status, **{"is_test": False, **self.header},
        )  # fmt: skip
        for number, (item, tax) in enumerate(zip(self.items, self.taxes, strict=True), start=1):
            served = item.product.fulfilment == "service"
            self.book.add(
                "order_lines", self.at, order_id=self.order_id, line_no=number,
                sku=item.product.sku, seller_id=item.seller_id, quantity=item.quantity,
                quantity_is_delta=is_delta, unit_price=item.price,
                discount_amount=rounded(item.discount, self.currency),
                tax_class=item.product.tax_class, tax_amount=tax,
                service_start_on=begins if served else None,
                service_end_on=ends if served else None,
                amends_line_no=number if is_delta else None,
                status="cancelled" if self.status == "cancelled" else "open",
            )  # fmt: skip
        return self

    def pay(self, kind: str, amount: Decimal, hours: int, **other: Value) -> str:
        """Write a payment some hours after the order; return its id."""
        self.payments += 1
        at = self.at + timedelta(hours=hours, minutes=7 * self.payments)
        usual: dict[str, Value] = {
            "payment_id": f"{self.order_id}-P{self.payments}", "kind": kind,
            "order_ref": self.order_id, "customer_id": self.customer_id,
            "amount": rounded(amount, self.currency), "currency": self.currency,
            "occurred_at": at, "method": "card", "status": "succeeded",
        }  # fmt: skip
        return str(self.book.add("payments", at, **{**usual, **other})["payment_id"])

    def capture(self, *parts: Decimal, hours: int = 8, method: str = "card") -> list[str]:
        """Authorize the total and capture it in parts (default: at once); return the captures."""
        first = self.pay("authorization", self.total, 0, method=method)
        return [
            self.pay("capture", part, hours + 20 * n, method=method, parent_payment_id=first)
            for n, part in enumerate(parts or (self.total,))
        ]

    def ship(self, quantities: dict[int, int] | None = None, hours: int = 30) -> str:
        """Write a delivered parcel: line number to pieces; default is every line that ships."""
        wanted = quantities or {
            number: item.quantity
            for number, item in enumerate(self.items, start=1)
            if item.product.fulfilment == "ship"
        }
        self.parcels += 1
        name = f"{self.order_id}-S{self.parcels}"
        at = self.at + timedelta(hours=hours)
        arrived = at + timedelta(hours=44)
        self.book.add(
            "shipments", arrived, shipment_id=name, order_ref=self.order_id, status="delivered",
            shipped_at=at, delivered_at=arrived, tracking_no=f"TRK{name[-9:].replace('-', '')}",
        )  # fmt: skip
        for number, quantity in wanted.items():
            self.book.add(
                "shipment_lines", at, shipment_id=name, line_no=number, order_ref=self.order_id,
                order_line_no=number, sku=self.items[number - 1].product.sku, quantity=quantity,
                is_return=False,
            )  # fmt: skip
        return name

    def invoice(self, hours: int = 12, terms_days: int = 0) -> None:
        """Write the invoice: every line, and one each for shipping and discount; no tip."""
        at = self.at + timedelta(hours=hours)
        name = f"INV-{self.order_id}"
        total, tax = self.total - self.tip, rounded(sum(self.taxes, ZERO), self.currency)
        self.book.add(
            "invoices", at, invoice_id=name, invoice_no=name, order_ref=self.order_id,
            customer_id=self.customer_id, currency=self.currency, issued_at=at,
            due_on=(at + timedelta(days=terms_days)).date(), status="open", kind="invoice",
            is_provisional=False, net_amount=total - tax, tax_amount=tax, total_amount=total,
        )  # fmt: skip
        begins, ends = self.service or (None, None)
        for number, (item, own) in enumerate(zip(self.items, self.taxes, strict=True), start=1):
            inside = own if self.tax_included else ZERO
            served = item.product.fulfilment == "service"
            self.book.add(
                "invoice_lines", at, invoice_id=name, line_no=number, order_ref=self.order_id,
                order_line_no=number, sku=item.product.sku, quantity=item.quantity,
                unit_price=item.price, net_amount=rounded(item.net - inside, self.currency),
                tax_amount=own, service_start_on=begins if served else None,
                service_end_on=ends if served else None,
            )  # fmt: skip
        for number, amount in ((90, self.shipping), (91, -self.discount)):
            if amount:
                self.book.add(
                    "invoice_lines", at, invoice_id=name, line_no=number, quantity=1,
                    order_ref=self.order_id, unit_price=rounded(amount, self.currency),
                    net_amount=rounded(amount, self.currency), tax_amount=ZERO,
                )  # fmt: skip
