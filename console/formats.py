"""Numbers, money and time as people read them.

What belongs here: pure functions used by templates, charts' tables and downloads' names.
What does not: markup and labels. Money is Decimal throughout; times are UTC.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

# A dash and a minus sign as typographers want them: they align with figures.
NOTHING = "\u2013"
MINUS = "\u2212"
_MOST_DIGITS = 4
_ACRONYMS = {"fx": "FX", "raci": "RACI", "sla": "SLA"}


def money(amount: Decimal | None, currency: str | None, exponents: Mapping[str, int]) -> str:
    """An amount with thousands separators and the decimals of its currency, without its code.

    More decimals are shown where the amount has them: nothing is rounded away.
    """
    if amount is None:
        return NOTHING
    exponent = exponents.get(currency or "", 2)
    digits = -int(amount.normalize().as_tuple().exponent) if amount else 0
    shown = max(exponent, min(digits, _MOST_DIGITS))
    return f"{amount:,.{shown}f}".replace("-", MINUS)


def count(number: int | Decimal | None) -> str:
    """A whole number with thousands separators."""
    return NOTHING if number is None else f"{number:,.0f}".replace("-", MINUS)


def quantity(number: Decimal | None) -> str:
    """A quantity without trailing zeros."""
    if number is None:
        return NOTHING
    text = f"{number:,f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def percent(rate: Decimal | float | None, digits: int = 1) -> str:
    """A rate from 0 to 1 in percent; never rounded up to 100."""
    if rate is None:
        return NOTHING
    exact = Decimal(str(rate)) * 100
    shown = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    if exact < 100 <= shown:
        shown = Decimal(100) - Decimal(1).scaleb(-digits)
    return f"{shown} %"


def hours(number: Decimal | float | None) -> str:
    """Hours as the nearest comfortable unit: minutes, hours or days."""
    if number is None:
        return NOTHING
    value = Decimal(str(number))
    if abs(value) < 1:
        return f"{value * 60:.0f} min"
    if abs(value) < 72:
        return f"{value:.1f} h"
    days = value / 24
    return f"{days:,.1f} days" if abs(days) < 100 else f"{days:,.0f} days"


def moment(at: datetime | None) -> str:
    """A moment to the minute; the page says once that times are UTC."""
    return NOTHING if at is None else f"{at:%d %b %Y %H:%M}"


def day(on: date | datetime | None) -> str:
    """A day."""
    return NOTHING if on is None else f"{on:%d %b %Y}"


def month(on: date | datetime | None) -> str:
    """A month, by any day of it."""
    return NOTHING if on is None else f"{on:%b %Y}"


def distance(at: datetime | None, now: datetime) -> str:
    """How far a moment is from now: `in 4 h`, `12 days ago`."""
    if at is None:
        return NOTHING
    gap = _naive(at) - _naive(now)
    if abs(gap) < timedelta(minutes=1):
        return "just now"
    words = span(abs(gap))
    return f"in {words}" if gap > timedelta(0) else f"{words} ago"


def span(gap: timedelta) -> str:
    """A length of time in one unit."""
    minutes = int(gap.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 72 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440:,} days"


def iso(at: datetime | date | None) -> str:
    """For the `datetime` attribute of a time element."""
    if at is None:
        return ""
    if isinstance(at, datetime):
        return _naive(at).isoformat(timespec="seconds") + "Z"
    return at.isoformat()


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def feed(stream: str | None) -> str:
    """The name of a feed or of a table of rules: `bank_lines` as `Bank lines`."""
    first, *rest = (stream or NOTHING).split("_")
    return " ".join([_ACRONYMS.get(first, first.capitalize()), *rest])


def actor(actor_id: str | None) -> str:
    """Who did something: a person by id, the engine by its run."""
    kind, _, run = (actor_id or NOTHING).partition(":run_")
    return f"run {run}" if kind == "engine" and run else actor_id or NOTHING
