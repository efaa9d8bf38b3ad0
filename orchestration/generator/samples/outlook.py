"""What sales forecast of the enterprise deals: on three days each, and of a few that never came.

What belongs here: forecasts of the opportunities of orders that are written. What does not: the
orders. Only the samples import this.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from orchestration.generator.samples.book import Book, chosen, rounded

# Days before the order, category, and share of the order's total, in percent.
_OUTLOOK = ((75, "pipeline", 80), (40, "best_case", 90), (12, "commit", 100))
# What some owners promise beyond what comes, and less often below it, in percent.
_BIAS = {"per-ines": (0, 0, 5, 12), "per-joko": (0, 0, 0, -8)}
_LOST = (("OPP-26-L1", "EUR", 18000), ("OPP-26-L2", "USD", 42000))


def tell_outlook(book: Book) -> None:
    """Write the forecasts of every order with an opportunity, and of two that were lost."""
    for order in list(book.streams["orders"]):
        name = order["opportunity_id"]
        at, total, currency = order["ordered_at"], order["total_amount"], str(order["currency"])
        if isinstance(name, str) and isinstance(at, datetime) and isinstance(total, Decimal):
            biases = _BIAS[str(order["sales_owner_id"])]
            bias = biases[chosen(f"bias {name}", len(biases))]
            for days, category, share in _OUTLOOK:
                percent = share + bias if category == "commit" else share
                amount = rounded(total * percent / 100, currency)
                _forecast(book, name, at, days, category, amount, currency)
    for number, (name, currency, worth) in enumerate(_LOST):
        at = datetime(2026, 5, 20 + number, 9, tzinfo=UTC)
        for days, category, share in _OUTLOOK:
            _forecast(book, name, at, days, category, Decimal(worth * share // 100), currency)


def _forecast(
    book: Book, name: str, at: datetime, days: int, category: str, amount: Decimal, currency: str
) -> None:
    """Write what was forecast so many days before an order."""
    day = at - timedelta(days=days)
    book.add(
        "forecasts", day, opportunity_id=name, as_of_on=day.date(), category=category,
        amount=amount, currency=currency, close_on=(at + timedelta(days=3)).date(),
    )  # fmt: skip
