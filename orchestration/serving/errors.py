"""What keeps a publication from being served, in words.

What belongs here: the error and the wording of what a server says. What does not: the work.
"""

import psycopg

from orchestration.core.errors import ReconError

BY_HAND = "Then run `meshline publish postgres`"


class ServingFailed(ReconError):
    """The server still shows what it showed; the publication in the home is untouched."""


def in_words(error: psycopg.Error) -> str:
    """What a server said, on one line, and what to do about it; never the address."""
    said = " ".join((error.diag.message_primary or str(error)).split()) or "no answer"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        advice = "Let its user create schemas (`grant create on database ... to ...`)"
    elif isinstance(error, psycopg.errors.DiskFull):
        advice = "Give the server room: it holds two copies while it swaps"
    elif isinstance(error, psycopg.OperationalError):
        advice = "See that the server runs and that the address in MESHLINE_SERVING_URL is right"
    else:
        advice = "Mend that"
    return f"PostgreSQL: {said}. {advice}. {BY_HAND}."
