"""The sample extract in `seeds/samples/generic`: three small stories, the same bytes every time.

What belongs here: the stories and the files they make. What does not: extracts of any size (`api`).
Tests import this; `python -m orchestration.generator.samples --write` or `--check` runs it.
"""

from orchestration.generator.samples.book import Book, Expected
from orchestration.generator.samples.enterprise import tell_subscriptions
from orchestration.generator.samples.marketplace import tell_marketplace
from orchestration.generator.samples.money_trail import settle
from orchestration.generator.samples.outlook import tell_outlook
from orchestration.generator.samples.parties import introduce
from orchestration.generator.samples.promotion import tell_promotion

__all__ = ["Book", "Expected", "tell_samples"]


def tell_samples() -> Book:
    """Return the whole sample: every stream's rows, and the exceptions that must be found."""
    book = Book()
    introduce(book)
    tell_subscriptions(book)
    tell_outlook(book)
    tell_promotion(book)
    tell_marketplace(book)
    settle(book)
    return book
