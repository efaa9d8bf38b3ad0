"""When the clock of a ticket stood still, from its events.

What belongs here: reading pauses. What does not: pausing (`orchestration.ledger.ticket_work`) and
what a pause does to a clock (`core.work.clocks`). What stands above the ledger imports this.

A pause ends when somebody goes on, and with whatever ends or reopens the ticket.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from orchestration.core.work.clocks import Pause
from orchestration.ledger.projections import KEYS_AT_ONCE
from orchestration.ledger.tables import events

PAUSED, CONTINUED = "ticket_paused", "ticket_continued"
_ENDING = (CONTINUED, "ticket_resolved", "ticket_closed", "ticket_reopened")


def pauses_of(connection: Connection, ticket_ids: Iterable[str]) -> Mapping[str, tuple[Pause, ...]]:
    """Return the pauses of tickets in their order; tickets without one are not in it."""
    ids = sorted(set(ticket_ids))
    found: dict[str, list[Pause]] = defaultdict(list)
    for start in range(0, len(ids), KEYS_AT_ONCE):
        chosen = (
            select(events.c.subject_id, events.c.action, events.c.at)
            .where(
                events.c.subject_type == "ticket",
                events.c.subject_id.in_(ids[start : start + KEYS_AT_ONCE]),
                events.c.action.in_((PAUSED, *_ENDING)),
            )
            .order_by(events.c.seq)
        )
        for row in connection.execute(chosen):
            pauses, at = found[row.subject_id], datetime.fromisoformat(row.at)
            stands = bool(pauses) and pauses[-1].end is None
            if row.action == PAUSED and not stands:
                pauses.append(Pause(at))
            elif row.action != PAUSED and stands:
                pauses[-1] = Pause(pauses[-1].begin, max(at, pauses[-1].begin))
    return {ticket_id: tuple(pauses) for ticket_id, pauses in found.items() if pauses}


def why_paused(connection: Connection, ticket_id: str) -> str | None:
    """Return the reason code for which a ticket stands still; None when its time runs."""
    pauses = pauses_of(connection, [ticket_id]).get(ticket_id, ())
    if not pauses or pauses[-1].end is not None:
        return None
    chosen = (
        select(events.c.payload)
        .where(
            events.c.subject_type == "ticket",
            events.c.subject_id == ticket_id,
            events.c.action == PAUSED,
        )
        .order_by(events.c.seq.desc())
    )
    payload: str = connection.execute(chosen.limit(1)).scalar_one()
    return str(json.loads(payload)["reason_code"])
