"""How long to wait before a call is made again.

What belongs here: capped exponential backoff with full jitter, and reading Retry-After. What does
not: when now is, and chance; both are passed in. Anyone may import this.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MOST_DOUBLINGS = 40


def backoff(
    failures: int, *, base_seconds: int, cap_seconds: int, jitter: str, chance: Callable[[], float]
) -> timedelta:
    """Return the wait after so many failures in a row.

    Args:
        failures: 1 after the first.
        base_seconds: Longest wait after the first failure; doubled with each further one.
        cap_seconds: Never longer than this.
        jitter: `full` draws between zero and the backoff, so that many who failed together do not
            come back together; `none` waits all of it.
        chance: Returns a number from 0 to below 1.
    """
    longest = min(cap_seconds, base_seconds * 2 ** min(max(failures, 1) - 1, MOST_DOUBLINGS))
    return timedelta(seconds=longest * (chance() if jitter == "full" else 1))


def retry_after(text: str | None, *, now: datetime, cap_seconds: int) -> timedelta | None:
    """Return the wait that a receiver asks for; None when it asks for none, or for nonsense.

    Args:
        text: The header: seconds, or a date as HTTP writes it.
        now: By the wall clock, which is what the receiver's date refers to; aware.
        cap_seconds: Never longer than this, whatever the receiver says.
    """
    stripped = (text or "").strip()
    if stripped.isascii() and stripped.isdigit():
        # Ten years, or a number of a thousand digits, are the cap.
        return timedelta(seconds=min(int(stripped[:12]), cap_seconds))
    try:
        moment = parsedate_to_datetime(stripped)
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    seconds = (aware - now).total_seconds()
    return timedelta(seconds=min(max(seconds, 0.0), cap_seconds))
