"""Escalation: which steps are due, and who is told.

What belongs here: steps as a pure function of the facts and of the steps that were taken, so that a
restart neither forgets nor repeats one. What does not: sending alerts, recording steps. Anyone may
import this.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orchestration.core.policies.model import OperatingModel
from orchestration.core.policies.records import EscalationStep
from orchestration.core.work.clocks import Clock, Pause
from orchestration.core.work.people import Person, Staff


@dataclass(frozen=True, slots=True)
class Pending:
    """What runs against a clock.

    Attributes:
        resolver_id: Who has it; None when nobody.
        owner_role: The role that owns it.
        begun_at: When the clock began, aware.
        allowed: How much running time it has.
        pauses: When the clock stood still.
    """

    severity_code: str
    resolver_id: str | None
    owner_role: str
    begun_at: datetime
    allowed: timedelta
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class DueStep:
    """A step that has to be taken now.

    Attributes:
        step: The policy row.
        since: When it became due, aware UTC.
    """

    step: EscalationStep
    since: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a step reaches.

    Attributes:
        role: The role whose channel is used.
        person_ids: Who exactly; empty when only the role can be told.
        because: How they were found, in words.
    """

    role: str
    person_ids: tuple[str, ...]
    because: str


def steps_due(
    chain: Sequence[EscalationStep],
    pending: Pending,
    clock: Clock,
    now: datetime,
    taken: Collection[int],
) -> tuple[DueStep, ...]:
    """Return the steps that are due and were not taken, in order.

    After an outage several may be due at once; each of them is returned, since each is an event.

    Args:
        chain: The steps of one chain.
        pending: What runs.
        clock: By which it runs.
        now: The moment of asking, aware.
        taken: The numbers of the steps that were taken already.
    """
    due = []
    for step in sorted(chain, key=lambda one: one.step_no):
        if step.step_no in taken:
            continue
        since = step_moment(step, pending, clock)
        if since is not None and since <= now:
            due.append(DueStep(step, since))
    return tuple(due)


def step_moment(step: EscalationStep, pending: Pending, clock: Clock) -> datetime | None:
    """Return when a step becomes due, aware UTC; None while the clock stands without an end."""
    share = pending.allowed * step.at_percent / 100
    return clock.reached(pending.begun_at, share, pending.pauses)


def who_is_told(
    step: EscalationStep, pending: Pending, staff: Staff, model: OperatingModel, day: date
) -> Told:
    """Return whom a step reaches on a day.

    Somebody who is away is replaced by the deputy, and without one by the next above, so a step
    always reaches somebody who is there, or the whole role.
    """
    role = model.roles[pending.owner_role]
    if step.to_level in {"resolver", "owner"}:
        return _role(pending.owner_role, staff, day, f"{step.to_level} level")
    if step.to_level == "manager" and pending.resolver_id is not None:
        managers = staff.managers_of(pending.resolver_id)
        for manager in managers:
            there = _there(manager, staff, day)
            if there:
                away = "" if manager in there else f", for {manager.person_id} who is away"
                return Told(there[0].role, _ids(there), f"manager of {pending.resolver_id}{away}")
    if step.to_level == "fallback_head":
        role = model.roles[role.fallback_role]
    head = staff.active(role.head_person_id)
    there = _there(head, staff, day) if head is not None else ()
    if there:
        away = "" if head in there else f", for {role.head_person_id} who is away"
        return Told(role.role_code, _ids(there), f"head of {role.role_code}{away}")
    return _role(role.role_code, staff, day, f"nobody heads {role.role_code} today")


def _role(role: str, staff: Staff, day: date, because: str) -> Told:
    return Told(role, _ids(staff.present(role, day)), because)


def _there(person: Person, staff: Staff, day: date) -> tuple[Person, ...]:
    if not staff.is_away(person.person_id, day):
        return (person,)
    return staff.deputies_of(person.person_id, day)


def _ids(people: Sequence[Person]) -> tuple[str, ...]:
    return tuple(person.person_id for person in people)
