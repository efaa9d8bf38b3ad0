"""Which exceptions wait for an approval: a question to the reading door, asked when it is shown.

What belongs here: open requests by the exceptions that they name. What does not: a state of the
ticket (it has its own, and goes on while others sign). Whoever may import the ledger may import
this.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime

from orchestration.core.work.approval_states import OPEN
from orchestration.ledger.reading import read_ledger

# What ran out is open on paper until the next step puts it down; nobody can sign it any more.
_OPEN = """
    select approval_id, decision
    from approvals
    where state_code in ({states}) and sign_by > ?
    order by requested_at, approval_id
""".format(states=", ".join(f"'{state.value}'" for state in sorted(OPEN)))


def waiting_approvals(url: str, at: datetime) -> Mapping[str, tuple[str, ...]]:
    """Return the open requests that concern each exception, oldest first, by the exception's id.

    A request concerns the exceptions that were published of its difference when it was asked for.

    Args:
        url: As in `Settings.ledger_database`.
        at: When, aware.

    Raises:
        LedgerUnreadable: The ledger cannot be read.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    with read_ledger(url) as reader:
        if reader is None or not reader.has_table("approvals"):
            return {}
        # As the ledger writes moments; `ledger.events` would bring SQLAlchemy along.
        moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for row in reader.rows(_OPEN, [moment]):
            for exception_id in json.loads(row["decision"])["details"].get("exception_ids", ()):
                found[exception_id].append(row["approval_id"])
    return {each: tuple(ids) for each, ids in found.items()}
