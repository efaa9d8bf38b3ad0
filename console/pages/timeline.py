"""What happened to an order, in order of time.

What belongs here: events out of the marts as one list. What does not: how they look.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.data import Data

VERSIONS = """
    select version_no, change_kind, total_amount, currency_code, approved_by, ordered_at,
        valid_from, known_from
    from fct_order_versions where recon_key = $recon_key order by version_no
"""
LEGS = """
    select leg_code, status_code, due_at, matched_at, expected_amount, currency_code, is_overdue
    from fct_order_legs where recon_key = $recon_key and status_code <> 'void'
"""
CHANGES = """
    select
        changed_at, to_code, actor_id,
        list(case when leg_code = '' then 'order' else leg_code end order by leg_code) as subjects
    from fct_state_changes
    where recon_key = $recon_key
    group by changed_at, to_code, actor_id
    order by changed_at, to_code
"""
OPENED = """
    select exception_id, exception_code, opened_at, due_at, explanation
    from fct_exceptions where recon_key = $recon_key
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened or falls due.

    Attributes:
        at: When, naive UTC.
        kind: order, due, state, exception: decides the mark.
        title: What, with labels still as codes in `codes`.
        codes: Codes that the title names, for the template to put in words.
        amount: Money that goes with it; None without.
        currency: Of the amount.
        actor: Who did it; "" when nobody did.
    """

    at: datetime
    kind: str
    title: str
    codes: tuple[str, ...] = ()
    amount: Any = None
    currency: str = ""
    actor: str = ""


def events_of(data: Data, recon_key: str) -> list[Event]:
    """Return the events of an order, oldest first."""
    by_key = {"recon_key": recon_key}
    events = [_version(row) for row in data.rows(VERSIONS, **by_key)]
    events += [_deadline(row) for row in data.rows(LEGS, **by_key) if row["due_at"] is not None]
    events += [_change(row) for row in data.rows(CHANGES, **by_key)]
    events += [
        Event(row["opened_at"], "bad", "Exception", (row["exception_code"],))
        for row in data.rows(OPENED, **by_key)
        if row["opened_at"] is not None
    ]
    return sorted(events, key=lambda event: event.at)


def _version(row: dict[str, Any]) -> Event:
    is_first = row["version_no"] == 1
    return Event(
        (row["ordered_at"] if is_first else row["valid_from"]) or row["known_from"],
        "order",
        "Order placed" if is_first else f"Version {row['version_no']}",
        () if is_first else (row["change_kind"],),
        row["total_amount"],
        row["currency_code"],
        row["approved_by"] or "",
    )


def _deadline(row: dict[str, Any]) -> Event:
    return Event(
        row["due_at"],
        "late" if row["is_overdue"] else "due",
        "Due",
        (row["leg_code"],),
        row["expected_amount"],
        row["currency_code"],
    )


def _change(row: dict[str, Any]) -> Event:
    return Event(
        row["changed_at"],
        "good" if row["to_code"] in {"matched", "reconciled"} else "state",
        "State",
        (row["to_code"], *row["subjects"]),
        actor=row["actor_id"],
    )
