"""The clocks of tickets: which step of escalation is due next, and taking those that are.

What belongs here: one row per ticket that somebody has to deal with, kept up with its events, so
that a look costs what changed and what is due. What does not: what a step is
(`core.work.escalation`), its event (`orchestration.ledger.escalating`), telling people
(`orchestration.ledger.alerts`). What stands above the ledger imports this.

A step, its event and its alert are one transaction, and which steps were taken is read from the
events: a restart neither forgets nor repeats one, and two that look at once take turns.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select

from orchestration.core.alerts.records import Alert, one_above
from orchestration.core.tickets import TicketState
from orchestration.core.work.clocks import Pause
from orchestration.core.work.escalation import NONE_TAKEN, Pending, Timetable
from orchestration.ledger.alert_tables import ticket_clocks
from orchestration.ledger.alerts import Watch, raise_alerts, read_mark, set_mark
from orchestration.ledger.escalating import Escalated, RunningTicket, escalate, steps_taken
from orchestration.ledger.events import Draft, moment_text
from orchestration.ledger.projections import KEYS_AT_ONCE, Row, record, upsert
from orchestration.ledger.tables import events, tickets
from orchestration.ledger.ticket_pauses import pauses_of
from orchestration.ledger.tickets import ACTIONS, RAISED, SEVERITY_RAISED, TICKETS

MARK = "ticket_clocks"
BREACH = "breach"
# Percent of its time after which a ticket is late.
LATE = 100
EVENT_OF: Mapping[str, str] = {
    "warn": "sla_warning", "breach": "sla_breach", "escalate": "sla_escalated",
}  # fmt: skip
RUNNING = (TicketState.OPEN.value, TicketState.ASSIGNED.value)
# After a change of policy so many clocks are set anew in one look, so that a look stays short.
SET_AT_ONCE = 20_000
_COLUMNS = (
    tickets.c.ticket_id,
    tickets.c.recon_key,
    tickets.c.exception_code,
    tickets.c.severity_code,
    tickets.c.raised_severity_code,
    tickets.c.owner_role,
    tickets.c.assignee_id,
    tickets.c.opened_at,
    tickets.c.due_at,
    tickets.c.incident_id,
    tickets.c.state_code,
)


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a look at the clocks did.

    Attributes:
        changed: Tickets whose clock was set.
        steps: Steps that were taken.
        alerts: Alerts that were raised.
    """

    changed: int = 0
    steps: int = 0
    alerts: int = 0


def tick(watch: Watch) -> Ticked:
    """Set the clocks of tickets that changed, take every step that is due; safe to repeat."""
    day = watch.at.astimezone(UTC).date()
    timetable = Timetable(watch.model, day)
    changed = _follow(watch, timetable)
    changed += _reset(watch, timetable)
    due = select(ticket_clocks.c.ticket_id).where(ticket_clocks.c.next_at <= moment_text(watch.at))
    ids: list[str] = sorted(watch.connection.execute(due).scalars())
    rows = {row["ticket_id"]: row for row in _tickets(watch.connection, ids)}
    pauses = pauses_of(watch.connection, rows)
    running = [
        _running(row, pauses.get(row["ticket_id"], ())) for row in rows.values() if _runs(row)
    ]
    taken = escalate(watch.connection, watch.model, running, watch.actor, watch.at, timetable)
    _raise_severities(watch, taken, rows)
    raised = raise_alerts(
        watch, [_alert(one, rows[one.ticket_id]) for one in taken], is_on_record=True
    )
    _set(watch, timetable, ids, rows.values())
    return Ticked(changed, len(taken), raised)


def _raise_severities(
    watch: Watch, taken: Iterable[Escalated], rows: dict[str, dict[str, Any]]
) -> None:
    """Make each ticket that is late now one step graver, once; the chain of its steps stays."""
    drafts = []
    for one in taken:
        row = rows[one.ticket_id]
        after = one_above(row["severity_code"])
        if one.due.step.action_code != BREACH or after in (row["severity_code"], row[RAISED]):
            continue
        row[RAISED] = after
        drafts.append(
            Draft(
                watch.at,
                watch.actor,
                SEVERITY_RAISED,
                "ticket",
                one.ticket_id,
                f"It is late: {row['severity_code']} became {after}.",
                {"decided": {}, "raised": {RAISED: after}},
                row["recon_key"],
            )
        )
    record(watch.connection, drafts, TICKETS)


def _follow(watch: Watch, timetable: Timetable) -> int:
    """Set the clocks of the tickets that had events since the last look."""
    seq, _ = read_mark(watch.connection, MARK)
    last = watch.connection.execute(select(func.max(events.c.seq))).scalar() or 0
    if last <= seq:
        return 0
    chosen = (
        select(events.c.subject_id)
        .where(
            events.c.seq > seq,
            events.c.subject_type == "ticket",
            events.c.action.in_(sorted(ACTIONS)),
        )
        .distinct()
        .order_by(events.c.subject_id)
    )
    ids: list[str] = list(watch.connection.execute(chosen).scalars())
    _set(watch, timetable, ids, _tickets(watch.connection, ids))
    set_mark(watch.connection, MARK, last, watch.at)
    return len(ids)


def _reset(watch: Watch, timetable: Timetable) -> int:
    """Set clocks that were set under other policies."""
    chosen = (
        select(ticket_clocks.c.ticket_id)
        .where(ticket_clocks.c.policy_version != watch.model.version)
        .limit(SET_AT_ONCE)
    )
    ids: list[str] = sorted(watch.connection.execute(chosen).scalars())
    _set(watch, timetable, ids, _tickets(watch.connection, ids))
    return len(ids)


def _set(watch: Watch, timetable: Timetable, ids: Sequence[str], rows: Iterable[Row]) -> None:
    """Set the clocks of tickets to their next step; those that stand have none."""
    if not ids:
        return
    listed = [row for row in rows if _runs(row)]
    taken = steps_taken(watch.connection, (row["ticket_id"] for row in listed))
    pauses = pauses_of(watch.connection, (row["ticket_id"] for row in listed))
    clocks = []
    for row in listed:
        pending = _running(row, pauses.get(row["ticket_id"], ())).pending
        moment = timetable.next_at(pending, taken.get(row["ticket_id"], NONE_TAKEN))
        if moment is not None:
            clocks.append(
                {
                    "ticket_id": row["ticket_id"],
                    "next_at": moment_text(moment),
                    "policy_version": watch.model.version,
                }
            )
    upsert(watch.connection, ticket_clocks, clocks)
    stopped = sorted(set(ids) - {clock["ticket_id"] for clock in clocks})
    for start in range(0, len(stopped), KEYS_AT_ONCE):
        chosen = ticket_clocks.c.ticket_id.in_(stopped[start : start + KEYS_AT_ONCE])
        watch.connection.execute(delete(ticket_clocks).where(chosen))


def _runs(row: Row) -> bool:
    """Whether the time of a ticket runs."""
    return row["state_code"] in RUNNING and bool(row["opened_at"]) and bool(row["due_at"])


def _running(row: Row, pauses: tuple[Pause, ...]) -> RunningTicket:
    begun, due = datetime.fromisoformat(row["opened_at"]), datetime.fromisoformat(row["due_at"])
    pending = Pending(
        severity_code=row["severity_code"],
        resolver_id=row["assignee_id"],
        owner_role=row["owner_role"],
        begun_at=begun,
        allowed=max(due - begun, timedelta(0)),
        due_at=due,
        pauses=pauses,
    )
    return RunningTicket(row["ticket_id"], pending, row["recon_key"])


def _severity(row: Row) -> str:
    return str(row[RAISED] or row["severity_code"])


def _alert(one: Escalated, row: Row) -> Alert:
    step = one.due.step
    return Alert(
        key=f"sla/{one.ticket_id}/{step.chain_code}/{step.step_no}",
        event=EVENT_OF[step.action_code],
        # That it is late is told as what it was until now; what comes after, as what it is.
        severity=row["severity_code"] if step.at_percent <= LATE else _severity(row),
        owner_role=row["owner_role"],
        cause=row["exception_code"],
        subject_type="ticket",
        subject_id=one.ticket_id,
        due_since=one.due.since,
        told_role=one.told.role,
        told_ids=one.told.person_ids,
        recon_key=row["recon_key"],
        incident_id=row["incident_id"],
    )


def _tickets(connection: Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What a clock needs to know of tickets."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), KEYS_AT_ONCE):
        chosen = select(*_COLUMNS).where(tickets.c.ticket_id.in_(ids[start : start + KEYS_AT_ONCE]))
        found += [dict(row) for row in connection.execute(chosen).mappings()]
    return found
