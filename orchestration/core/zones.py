"""The time zones that exist.

What belongs here: the one list of names. What does not: which zone a policy means. Anyone may
import this.
"""

from functools import cache
from zoneinfo import available_timezones


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all IANA time zones; looked up once, as it reads hundreds of files."""
    return frozenset(available_timezones())
