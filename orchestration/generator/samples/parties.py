"""The people, products, sellers and rates that the sample stories share. All names are invented.

What belongs here: parties and goods. What does not: orders. Only the samples import this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from orchestration.generator.samples.book import Book, chosen, days_ago

PEOPLE = (
    ("per-ines", "Ines Aldren", "sales", "per-tove", "25000"),
    ("per-joko", "Joko Varga", "sales", "per-tove", "25000"),
    ("per-tove", "Tove Marsh", "sales", None, "250000"),
    ("per-abel", "Abel Quint", "finance", "per-rhea", "10000"),
    ("per-rhea", "Rhea Solano", "finance", None, "500000"),
    ("per-dunya", "Dunya Okafor", "operations", None, "15000"),
    ("per-milo", "Milo Hartig", "marketplace", "per-rhea", "10000"),
    ("per-sefa", "Sefa Lindqvist", "marketplace", "per-rhea", "10000"),
    ("per-kei", "Kei Tanaru", "platform", None, "0"),
    ("per-bram", "Bram Olsthoorn", "control", None, "0"),
)


@dataclass(frozen=True, slots=True)
class Product:
    """Something for sale.

    Attributes:
        sku: Its number.
        name: For people.
        family: Product family.
        tax_class: `standard`, `reduced` or `zero`.
        fulfilment: `ship`, `service` or `none`.
        price: List price in US dollars; of a year, where it is a subscription.
    """

    sku: str
    name: str
    family: str
    tax_class: str
    fulfilment: str
    price: Decimal


SUBSCRIPTIONS = (
    Product(
        "SUB-PLAN-TEAM", "Planning seat, team", "planning", "standard", "service", Decimal(540)
    ),
    Product("SUB-PLAN-PRO", "Planning seat, pro", "planning", "standard", "service", Decimal(960)),
    Product("SUB-SUPPORT", "Priority support", "support", "standard", "service", Decimal(4800)),
)
GATEWAY = Product("HW-GATEWAY", "Depot gateway", "devices", "standard", "ship", Decimal(389))
GARDEN = (
    Product("GD-CHAIR-OAK", "Folding chair, oak", "garden", "standard", "ship", Decimal("64.90")),
    Product("GD-TABLE-OAK", "Garden table, oak", "garden", "standard", "ship", Decimal("289.00")),
    Product("GD-PARASOL", "Parasol, sand", "garden", "standard", "ship", Decimal("119.50")),
    Product("GD-LANTERN", "Lantern, brass", "garden", "standard", "ship", Decimal("24.90")),
    Product("GD-SEED-MIX", "Meadow seed mix", "garden", "reduced", "ship", Decimal("8.40")),
    Product("GD-PLANNER", "Garden planner, download", "media", "reduced", "none", Decimal("12.00")),
)
MADE_BY_HAND = (
    Product("MK-BOWL", "Stoneware bowl", "kitchen", "standard", "ship", Decimal("32.00")),
    Product("MK-APRON", "Linen apron", "kitchen", "standard", "ship", Decimal("41.50")),
    Product("MK-BOARD", "Olive board", "kitchen", "standard", "ship", Decimal("55.00")),
    Product("MK-PRINT", "Harbour print", "decor", "standard", "ship", Decimal("27.80")),
    Product("MK-CANDLE", "Beeswax candle", "decor", "standard", "ship", Decimal("14.20")),
)
ALL_PRODUCTS = (*SUBSCRIPTIONS, GATEWAY, *GARDEN, *MADE_BY_HAND)

SELLERS: Mapping[str, tuple[str, str, str]] = {
    "sel-kiln": ("Kiln & Clay Works", "per-milo", "0.1200"),
    "sel-loom": ("Loomhouse Textiles", "per-milo", "0.1200"),
    "sel-grove": ("Grove Street Carpentry", "per-sefa", "0.1000"),
    "sel-harbor": ("Harbour Light Prints", "per-sefa", "0.1500"),
    "sel-hive": ("Hive and Wick", "per-milo", "0.1500"),
}

# How many units of the currency one US dollar buys on the price list, and its tax in percent.
PRICE_LIST: Mapping[str, Decimal] = {
    "USD": Decimal(1), "EUR": Decimal("0.92"), "GBP": Decimal("0.79"),
    "JPY": Decimal(150), "KWD": Decimal("0.31"),
}  # fmt: skip
TAX_PERCENT: Mapping[tuple[str, str], Decimal] = {
    ("USD", "standard"): Decimal("8.25"), ("USD", "reduced"): Decimal(0),
    ("EUR", "standard"): Decimal(20), ("EUR", "reduced"): Decimal(10),
    ("GBP", "standard"): Decimal(20), ("GBP", "reduced"): Decimal(0),
    ("JPY", "standard"): Decimal(10), ("JPY", "reduced"): Decimal(8),
    ("KWD", "standard"): Decimal(0), ("KWD", "reduced"): Decimal(0),
}  # fmt: skip


def introduce(book: Book) -> None:
    """Write people, products, price book, sellers and rates."""
    long_ago = days_ago(430)
    for person_id, name, role, manager_id, limit in PEOPLE:
        book.add(
            "people", long_ago, person_id=person_id, name=name, role=role, manager_id=manager_id,
            email=f"{person_id}@example.com", approval_limit=Decimal(limit), currency="USD",
        )  # fmt: skip
    for product in ALL_PRODUCTS:
        book.add(
            "products", long_ago, sku=product.sku, name=product.name,
            product_family=product.family, tax_class=product.tax_class,
            fulfilment=product.fulfilment,
        )  # fmt: skip
        for currency in PRICE_LIST:
            book.add(
                "price_book", long_ago, sku=product.sku, currency=currency,
                unit_price=list_price(product, currency), valid_from=date(2025, 1, 1),
            )  # fmt: skip
    for seller_id, (name, owner, rate) in SELLERS.items():
        book.add(
            "sellers", long_ago, seller_id=seller_id, name=name, recon_owner_id=owner,
            commission_rate=Decimal(rate), currency="EUR",
        )  # fmt: skip
    _write_rates(book)


def list_price(product: Product, currency: str) -> Decimal:
    """Return the list price: whole yen, whole ten fils, whole cents elsewhere."""
    places = Decimal(1) if currency == "JPY" else Decimal("0.01")
    return (product.price * PRICE_LIST[currency]).quantize(places)


def _write_rates(book: Book) -> None:
    """Write a daily rate in US dollars for each currency, over the 30 days of the busy stories."""
    middle = {"EUR": 1087, "GBP": 1266, "JPY": 7, "KWD": 3250}
    for back in range(30, 0, -1):
        day = (days_ago(back)).date()
        for currency, thousandths in middle.items():
            moved = thousandths * 1000 + chosen(f"rate {currency} {day}", thousandths * 10 + 1)
            book.add(
                "fx_rates", days_ago(back) + timedelta(hours=7), rate_on=day,
                from_currency=currency, to_currency="USD",
                rate=Decimal(moved).scaleb(-6), source="central-bank",
            )  # fmt: skip
