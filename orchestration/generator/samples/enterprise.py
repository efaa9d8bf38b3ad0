"""Story one: enterprise subscriptions, renewed after a year and amended on the way.

What belongs here: the contracts, orders and payments of 24 customers, and what went wrong with six.
What does not: how an order becomes rows (`deals`). Only the samples import this.
"""

from datetime import date, timedelta
from decimal import Decimal

from orchestration.generator.samples.book import Book, chosen, days_ago, rounded
from orchestration.generator.samples.deals import Deal, Item
from orchestration.generator.samples.parties import GATEWAY, SUBSCRIPTIONS, list_price

_PLACES = (
    "Brackwater", "Tallgrass", "Oriel Bay", "Fennmark", "Copperline", "Saltmeadow", "Wrenfield",
    "Highmoor", "Larkspur", "Stonebeck", "Ashgrove", "Millrace",
)  # fmt: skip
_TRADES = ("Instruments", "Foods", "Freight", "Paper", "Optics", "Pumps", "Fittings")
_CURRENCIES = ("USD", "EUR", "GBP", "USD")
_COUNTRIES = {"USD": "US", "EUR": "DE", "GBP": "GB"}
_CUSTOMERS = 24
_TERMS = {"net_30": 30, "net_15": 15}

# Customer number to what went wrong with the renewal.
_SHORT, _UNPAID, _PAID_TWICE, _NO_GATEWAYS, _OVERPAID, _LOST_REFERENCE = 3, 7, 10, 14, 16, 19


def tell_subscriptions(book: Book) -> None:
    """Write the story: a first year, an amendment for some, a renewal for most."""
    for number in range(1, _CUSTOMERS + 1):
        customer_id, currency = _introduce(book, number)
        terms = "net_30" if number % 3 else "net_15"
        first = _subscribe(book, number, customer_id, currency, terms)
        if number % 3 == 1:
            _amend(first, number)
        if number % 6:
            _renew(first, number, terms)


def _introduce(book: Book, number: int) -> tuple[str, str]:
    """Write the customer; return its id and currency."""
    customer_id = f"cus-ent-{number:02d}"
    currency = _CURRENCIES[number % len(_CURRENCIES)]
    trade = _TRADES[chosen(f"trade {number}", len(_TRADES))]
    book.add(
        "customers", days_ago(400), customer_id=customer_id,
        name=f"{_PLACES[number % 12]} {trade}", tier="tier_1" if number % 4 == 0 else "tier_2",
        segment="enterprise", country=_COUNTRIES[currency],
        sales_owner_id="per-ines" if number % 2 else "per-joko",
        churn_risk=Decimal(chosen(f"risk {number}", 90)).scaleb(-2),
        credit_limit=Decimal(250000 + 25000 * (number % 5)), currency=currency,
    )  # fmt: skip
    return customer_id, currency


def _contract(deal: Deal, number: int, year: int, terms: str) -> str:
    """Write the contract of a year (1 or 2) behind the order; return its id."""
    name = f"CT-{number:02d}-{year}"
    begins, ends = deal.service or (deal.at.date(), deal.at.date())
    deal.book.add(
        "contracts", deal.at, contract_id=name, customer_id=deal.customer_id, start_on=begins,
        end_on=ends, payment_terms=terms, tax_class="standard", currency=deal.currency,
        renews_contract_id=f"CT-{number:02d}-1" if year == 2 else None,
        status="expired" if year == 1 else "active",
    )  # fmt: skip
    return name


def _year(begins: date) -> tuple[date, date]:
    """Return twelve months from a day."""
    return begins, begins.replace(year=begins.year + 1) - timedelta(days=1)


def _place(deal: Deal, number: int, terms: str) -> Deal:
    """Write the order with what every contract order carries."""
    owner = "per-ines" if number % 2 else "per-joko"
    usual = {
        "channel": "direct", "payment_terms": terms, "sales_owner_id": owner,
        "approved_by": "per-tove", "opportunity_id": f"OPP-{deal.order_id}",
    }  # fmt: skip
    deal.header = {**usual, **deal.header}
    return deal.place()


def _subscribe(book: Book, number: int, customer_id: str, currency: str, terms: str) -> Deal:
    """Write the first year: seats, support for some, gateways for others; billed and paid."""
    seats = SUBSCRIPTIONS[number % 2]
    items = [Item(seats, 20 + 5 * (number % 7), list_price(seats, currency))]
    if number % 4 == 0:
        items.append(Item(SUBSCRIPTIONS[2], 1, list_price(SUBSCRIPTIONS[2], currency)))
    if number % 5 == 2:
        items.append(Item(GATEWAY, 4, list_price(GATEWAY, currency)))
    at = days_ago(410 - number, 10, number)
    deal = Deal(
        book, f"SO-25{number:03d}", customer_id, currency, at, tuple(items), "new",
        status="closed", service=_year((at + timedelta(days=3)).date()),
    )  # fmt: skip
    deal.header = {"contract_id": _contract(deal, number, 1, terms)}
    _place(deal, number, terms).invoice(terms_days=_TERMS[terms])
    deal.pay("sale", deal.total, 24 * 12, method="bank_transfer")
    if number % 5 == 2:
        deal.ship()
    return deal


def _amend(first: Deal, number: int) -> None:
    """Write seats added half way: a delta, at the price of the months that are left."""
    begins, ends = first.service or (first.at.date(), first.at.date())
    seats = first.items[0]
    price = rounded(seats.price / 2, first.currency)
    at = first.at + timedelta(days=176)
    deal = Deal(
        first.book, f"SO-25{number:03d}-A1", first.customer_id, first.currency, at,
        (Item(seats.product, 3 + number % 4, price),), "amendment",
        service=(begins + timedelta(days=183), ends),
        header={"amends_order_id": first.order_id, "contract_id": f"CT-{number:02d}-1"},
    )  # fmt: skip
    _place(deal, number, "net_15").invoice(terms_days=15)
    deal.pay("sale", deal.total, 24 * 9, method="bank_transfer")


def _renew(first: Deal, number: int, terms: str) -> None:
    """Write the second year, and what went wrong with a few of them."""
    begins = (first.service or (first.at.date(), first.at.date()))[1] + timedelta(days=1)
    items = tuple(item for item in first.items if item.product.fulfilment == "service")
    if number == _NO_GATEWAYS:
        items = (*items, Item(GATEWAY, 6, list_price(GATEWAY, first.currency)))
    deal = Deal(
        first.book, f"SO-26{number:03d}", first.customer_id, first.currency,
        first.at + timedelta(days=352 - number % 3), items, "renewal", service=_year(begins),
    )  # fmt: skip
    deal.header = {
        "contract_id": _contract(deal, number, 2, terms), "renews_order_id": first.order_id,
    }  # fmt: skip
    _place(deal, number, terms).invoice(terms_days=_TERMS[terms])
    _pay_renewal(deal, number)


def _pay_renewal(deal: Deal, number: int) -> None:
    """Write the payment of a renewal as it came in."""
    hours, by_bank = 24 * 11, "bank_transfer"
    amount = deal.total
    if number == _UNPAID:
        deal.book.expect(
            "PAY_MISSING", "payment", deal.order_id, "The renewal was billed and never paid."
        )
        return
    if number == _SHORT:
        amount = rounded(amount * Decimal("0.85"), deal.currency)
        deal.book.expect(
            "PAY_SHORT", "payment", deal.order_id, "The customer kept back 15 percent in a dispute."
        )
    if number == _OVERPAID:
        amount = amount + 1200
        deal.book.expect(
            "PAY_OVER", "payment", deal.order_id, "The customer rounded up by 1,200.00."
        )
    deal.pay("sale", amount, hours, method=by_bank)
    if number == _PAID_TWICE:
        again = deal.pay("sale", amount, hours + 26, method=by_bank)
        deal.book.expect(
            "PAY_DUPLICATE", "payment", deal.order_id, "The bank sent the transfer twice.", again
        )
    if number == _NO_GATEWAYS:
        deal.book.expect(
            "FUL_MISSING", "fulfilment", deal.order_id, "Six gateways were sold and none was sent."
        )
    if number == _LOST_REFERENCE:
        lost = deal.pay("sale", Decimal(2750), hours + 50, method=by_bank, order_ref="1.23457E+17")
        deal.book.expect(
            "KEY_CORRUPTED",
            "payment",
            None,
            "A spreadsheet damaged the reference.",
            lost,
        )
