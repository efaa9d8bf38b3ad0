"""What targets have listed of what they hold, as it is published.

What belongs here: reading `marts.fct_target_listings`, and which lists are late. What does not:
asking targets (`orchestration.connectors.targets`). Who may import this is said in
`orchestration.reading`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.warehouse.reader import Published

LISTINGS = "select * from marts.fct_target_listings order by target_code"


def read_listings(published: Published) -> tuple[dict[str, Any], ...]:
    """Return the last list of each target that has ever listed anything."""
    return tuple(published.rows(LISTINGS))


def late_listings(listings: Sequence[Mapping[str, Any]], at: datetime) -> dict[str, str]:
    """Return the targets whose last whole list is too old, each with a sentence.

    Args:
        listings: Rows of `fct_target_listings`; moments are naive UTC, as the mart has them.
        at: When, aware.
    """
    late = {}
    for row in listings:
        whole_at, hours = row["last_complete_at"], int(row["fresh_hours"])
        if whole_at is None:
            late[row["target_code"]] = (
                f"no whole list yet; the last one is of {row['last_listed_at']}"
            )
        elif whole_at.replace(tzinfo=UTC) + timedelta(hours=hours) <= at:
            late[row["target_code"]] = f"no whole list since {whole_at}, expected every {hours} h"
    return late
