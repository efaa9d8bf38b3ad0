"""Escalation steps on record: which were taken, and taking those that are due.

What belongs here: reading the steps of tickets from the events, one event for each new one. What
does not: which are due (`core.work.escalation`), which tickets are looked at
(`orchestration.ledger.sla_clock`), sending alerts. What stands above the ledger imports this.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from orchestration.core.policies import OperatingModel
from orchestration.core.work.escalation import (
    NONE_TAKEN,
    DueStep,
    Pending,
    Taken,
    Timetable,
    Told,
    who_is_told,
)
from orchestration.ledger.approval_base import staff_of
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.projections import KEYS_AT_ONCE
from orchestration.ledger.tables import events

STEP_TAKEN = "escalation_step_taken"


@dataclass(frozen=True, slots=True)
class RunningTicket:
    """A ticket whose clock runs.

    Attributes:
        pending: Who has it, since when, how long it may take, when its clock stood still.
        recon_key: The order that it concerns; None when it concerns none.
    """

    ticket_id: str
    pending: Pending
    recon_key: str | None = None


@dataclass(frozen=True, slots=True)
class Escalated:
    """A step that was taken just now.

    Attributes:
        due: The step, and since when it was due.
        told: Whom it reaches.
    """

    ticket_id: str
    due: DueStep
    told: Told


def escalate(
    connection: Connection,
    model: OperatingModel,
    tickets: Sequence[RunningTicket],
    actor: Actor,
    at: datetime,
    timetable: Timetable | None = None,
) -> tuple[Escalated, ...]:
    """Take every step that is due and was not taken, one event each; safe to repeat.

    Args:
        connection: From `Ledger.write`.
        model: The policies.
        tickets: Those that are open.
        actor: The engine.
        at: When, aware.
        timetable: One that already knows the moments of some of them.
    """
    day = at.astimezone(UTC).date()
    timetable = timetable or Timetable(model, day)
    taken = steps_taken(connection, (ticket.ticket_id for ticket in tickets))
    staff = staff_of(connection, model)
    # Whom a step reaches depends on no more than this, and is slow to find out.
    reached: dict[tuple[str, int, str | None, str], Told] = {}
    found = []
    drafts = []
    for ticket in sorted(tickets, key=lambda one: one.ticket_id):
        for due in timetable.due(ticket.pending, taken.get(ticket.ticket_id, NONE_TAKEN), at):
            step, pending = due.step, ticket.pending
            asked = (step.chain_code, step.step_no, pending.resolver_id, pending.owner_role)
            if asked not in reached:
                reached[asked] = who_is_told(step, pending, staff, model, day)
            told = reached[asked]
            found.append(Escalated(ticket.ticket_id, due, told))
            drafts.append(_draft(ticket, due, told, actor, at))
    append(connection, drafts)
    return tuple(found)


def steps_taken(connection: Connection, ticket_ids: Iterable[str]) -> Mapping[str, Taken]:
    """Return chain and number of the steps that were taken, by ticket."""
    ids = sorted(set(ticket_ids))
    taken: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for start in range(0, len(ids), KEYS_AT_ONCE):
        chosen = select(events.c.subject_id, events.c.payload).where(
            events.c.subject_type == "ticket",
            events.c.subject_id.in_(ids[start : start + KEYS_AT_ONCE]),
            events.c.action == STEP_TAKEN,
        )
        for row in connection.execute(chosen):
            payload = json.loads(row.payload)
            taken[row.subject_id].add((payload["chain_code"], payload["step_no"]))
    return {ticket_id: frozenset(steps) for ticket_id, steps in taken.items()}


def _draft(ticket: RunningTicket, due: DueStep, told: Told, actor: Actor, at: datetime) -> Draft:
    step = due.step
    whom = ", ".join(told.person_ids) or told.role
    return Draft(
        at,
        actor,
        STEP_TAKEN,
        "ticket",
        ticket.ticket_id,
        f"{step.at_percent} % of its time have passed: {whom} is told ({told.because}).",
        {
            "chain_code": step.chain_code,
            "step_no": step.step_no,
            "at_percent": step.at_percent,
            "action_code": step.action_code,
            "to_level": step.to_level,
            "role": told.role,
            "person_ids": list(told.person_ids),
            "due_since": moment_text(due.since),
        },
        ticket.recon_key,
    )
