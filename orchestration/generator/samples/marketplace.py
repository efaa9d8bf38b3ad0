"""Story three: a marketplace where one order is made by several sellers.

What belongs here: 80 orders of hand-made goods, their split over sellers, and what went wrong.
What does not: how an order becomes rows (`deals`). Only the samples import this.
"""

from collections.abc import Mapping
from datetime import timedelta, timezone
from decimal import Decimal

from orchestration.generator.samples.book import Book, chosen, days_ago, rounded
from orchestration.generator.samples.deals import ZERO, Deal, Item
from orchestration.generator.samples.parties import MADE_BY_HAND, SELLERS, list_price

_ORDERS = 80
_BUYERS = 50
_NAMES = ("Alba", "Jonas", "Mirte", "Otis", "Petra", "Salme", "Viggo", "Wanda", "Enzo", "Lotte")
# This system writes its own local time; the offset says so.
_LOCAL = timezone(timedelta(hours=2))
# Order number to what went wrong.
_SPLIT_WRONG, _NOT_PAID_OUT, _SHORT = (13, 46), (22, 68), (31,)
_UNNAMED_PAYMENT, _CAPTURE_MISSING = 37, 55


def tell_marketplace(book: Book) -> None:
    """Write buyers, orders, parcels and what each seller was told."""
    for number in range(1, _BUYERS + 1):
        book.add(
            "customers", days_ago(80), customer_id=f"cus-mkt-{number:03d}",
            name=f"{_NAMES[chosen(f'buyer {number}', 10)]} {chr(64 + 1 + number % 26)}.",
            tier="tier_3", segment="marketplace", country="DE" if number % 3 else "FR",
            currency="EUR",
        )  # fmt: skip
    for number in range(1, _ORDERS + 1):
        deal = _deal(book, number)
        deal.place().invoice()
        _pay(deal, number)
        _send(deal, number)
        _tell_sellers(deal, number)


def _deal(book: Book, number: int) -> Deal:
    """Return an order of one to three goods, each from the seller who makes it."""
    sellers = list(SELLERS)
    first = chosen(f"made {number}", len(MADE_BY_HAND))
    count = 3 if number in (*_SPLIT_WRONG, *_NOT_PAID_OUT) else 1 + chosen(f"n {number}", 3)
    items = []
    for place in range(count):
        at = (first + place) % len(MADE_BY_HAND)
        quantity = 2 if number in _SHORT else 1 + chosen(f"pcs {number} {place}", 3)
        price = list_price(MADE_BY_HAND[at], "EUR")
        items.append(Item(MADE_BY_HAND[at], quantity, price, seller_id=sellers[at]))
    return Deal(
        book, f"MP-{5000 + number}", f"cus-mkt-{1 + chosen(f'who {number}', _BUYERS):03d}", "EUR",
        days_ago(40 - number // 4, 8 + number % 11, number % 60).astimezone(_LOCAL),
        tuple(items), "marketplace", tax_included=True,
        header={"channel": "bazaar"},
    )  # fmt: skip


def _pay(deal: Deal, number: int) -> None:
    """Pay through the platform's wallet or by card."""
    if number == _CAPTURE_MISSING:
        deal.pay("sale", deal.total, 0, status="failed")
        deal.book.expect(
            "PAY_MISSING", "payment", deal.order_id, "The card was declined and the goods sent."
        )
        return
    method = "wallet" if number % 2 else "card"
    if number % 5:
        deal.pay("sale", deal.total, 0, method=method)
    else:
        deal.capture(method=method)
    if number == _UNNAMED_PAYMENT:
        name = deal.pay("sale", Decimal("76.30"), 20, order_ref=None, customer_id=None)
        deal.book.expect(
            "PAY_UNAPPLIED", "payment", None, "Money came in that names no order.", name
        )


def _send(deal: Deal, number: int) -> None:
    """Send one parcel per line: every seller packs its own."""
    for line, item in enumerate(deal.items, start=1):
        pieces = item.quantity - 1 if number in _SHORT and line == 1 else item.quantity
        name = deal.ship({line: pieces}, hours=24 + 6 * line)
        if pieces < item.quantity:
            deal.book.expect(
                "FUL_SHORT", "fulfilment", deal.order_id, "One of two bowls broke.", name
            )


def _tell_sellers(deal: Deal, number: int) -> None:
    """Write what each seller sold and gets: gross less commission and fee."""
    gross: dict[str, Decimal] = {}
    for item in deal.items:
        gross[str(item.seller_id)] = gross.get(str(item.seller_id), ZERO) + item.net
    sellers = list(gross)
    if number in _SPLIT_WRONG:
        moved = rounded(gross[sellers[0]] * Decimal("0.3"), deal.currency)
        gross[sellers[0]] -= moved
        gross[sellers[1]] += moved
        deal.book.expect(
            "MKT_SPLIT", "seller_split", deal.order_id, "Part of one seller's sale went to another."
        )
    if number in _NOT_PAID_OUT:
        lost = sellers.pop()
        deal.book.expect(
            "MKT_PAYOUT_MISSING", "seller_split", deal.order_id, f"{lost} was forgotten.", lost
        )
    for place, seller_id in enumerate(sellers, start=1):
        _write_statement(deal, f"ST-{deal.order_id}-{place}", seller_id, gross)


def _write_statement(deal: Deal, name: str, seller_id: str, gross: Mapping[str, Decimal]) -> None:
    """Write one row of a seller's statement."""
    amount = rounded(gross[seller_id], deal.currency)
    commission = rounded(amount * Decimal(SELLERS[seller_id][2]), deal.currency)
    fee = rounded(amount * Decimal("0.015"), deal.currency)
    at = deal.at + timedelta(days=6)
    deal.book.add(
        "seller_statements", at, statement_id=name, seller_id=seller_id,
        order_ref=deal.order_id, gross_amount=amount, commission_amount=commission,
        fee_amount=fee, withholding_amount=rounded(ZERO, deal.currency),
        net_amount=amount - commission - fee, currency=deal.currency, paid_at=at,
    )  # fmt: skip
