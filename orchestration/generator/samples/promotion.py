"""Story two: Garden Days, a shop promotion that sold more than the warehouse could send at once.

What belongs here: shoppers, and 170 orders of ten days in June. What does not: how each order went
(`promotion_courses`), and how it becomes rows (`deals`). Only the samples import this.
"""

from datetime import timedelta
from decimal import Decimal

from orchestration.generator.samples.book import Book, chosen, days_ago, rounded
from orchestration.generator.samples.deals import ZERO, Deal, Item
from orchestration.generator.samples.parties import GARDEN, PRICE_LIST, list_price
from orchestration.generator.samples.promotion_courses import course_of

_ORDERS = 170
_SHOPPERS = 110
_FIRST = ("Mara", "Ilan", "Odile", "Pavo", "Senna", "Tiril", "Ruben", "Yuki", "Nadia", "Corin")
_CURRENCIES = ("EUR", "EUR", "USD", "USD", "GBP", "EUR", "USD", "JPY", "EUR", "KWD")
_COUNTRIES = {"USD": "US", "EUR": "FR", "GBP": "GB", "JPY": "JP", "KWD": "KW"}
_TAX_INSIDE = ("EUR", "GBP", "JPY")


def tell_promotion(book: Book) -> None:
    """Write shoppers and orders; some take another course than most."""
    for number in range(1, _SHOPPERS + 1):
        currency = _CURRENCIES[number % 10]
        initial = chr(ord("A") + chosen(f"initial {number}", 26))
        book.add(
            "customers", days_ago(60), customer_id=f"cus-shop-{number:03d}",
            name=f"{_FIRST[chosen(f'first {number}', 10)]} {initial}.", tier="tier_3",
            segment="commerce", country=_COUNTRIES[currency], currency=currency,
        )  # fmt: skip
    for number in range(1, _ORDERS + 1):
        course_of(number)(_deal(book, number), number)
    _write_strays(book)


def _deal(book: Book, number: int) -> Deal:
    """Return the order, not yet written: one to three garden goods at 20 percent off."""
    shopper = 1 + chosen(f"shopper {number}", _SHOPPERS)
    currency = _CURRENCIES[shopper % 10]
    first = chosen(f"goods {number}", len(GARDEN))
    items = []
    for place in range(1 + chosen(f"lines {number}", 3)):
        product = GARDEN[(first + 2 * place) % len(GARDEN)]
        quantity = 1 + chosen(f"pieces {number} {place}", 4)
        price = list_price(product, currency)
        off = rounded(quantity * price / 5, currency) if place == 0 else ZERO
        items.append(Item(product, quantity, price, off))
    if not any(item.product.fulfilment == "ship" for item in items):
        items.append(Item(GARDEN[0], 2, list_price(GARDEN[0], currency)))
    delivery = rounded(Decimal("6.90") * PRICE_LIST[currency], currency)
    return Deal(
        book, f"GD-{1000 + number}", f"cus-shop-{shopper:03d}", currency,
        days_ago(25 - number // 17, 7 + chosen(f"hour {number}", 14), chosen(f"m {number}", 60)),
        tuple(items), "commerce", tax_included=currency in _TAX_INSIDE,
        shipping=delivery if number % 3 else ZERO,
        tip=rounded(Decimal(2) * PRICE_LIST[currency], currency) if number % 40 == 5 else ZERO,
        header={"channel": "web" if number % 4 else "app"},
    )  # fmt: skip


def _write_strays(book: Book) -> None:
    """Write a payment and a parcel that name orders of a shop nobody knows."""
    at = days_ago(17, 15, 40)
    book.add(
        "payments", at, payment_id="GD-STRAY-P1", kind="sale", order_ref="OLDSHOP-88213",
        amount=Decimal("57.40"), currency="EUR", occurred_at=at, method="card",
        status="succeeded",
    )  # fmt: skip
    book.expect(
        "KEY_ORPHAN_RIGHT", "payment", None, "The old shop still takes money.", "GD-STRAY-P1"
    )
    sent = at + timedelta(hours=20)
    book.add(
        "shipments", sent, shipment_id="GD-STRAY-S1", order_ref="OLDSHOP-88240",
        status="shipped", shipped_at=sent, tracking_no="TRKSTRAY1",
    )  # fmt: skip
    book.add(
        "shipment_lines", sent, shipment_id="GD-STRAY-S1", line_no=1, order_ref="OLDSHOP-88240",
        order_line_no=1, sku=GARDEN[3].sku, quantity=2, is_return=False,
    )  # fmt: skip
    book.expect(
        "FUL_NO_ORDER", "fulfilment", None, "Lanterns were sent for no known order.", "GD-STRAY-S1"
    )
