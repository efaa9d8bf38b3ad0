"""Escalation: which steps are due, and who is told.

What belongs here: steps as a pure function of the facts and of the steps that were taken, so that a
restart neither forgets nor repeats one. What does not: sending alerts, recording steps. Anyone may
import this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orchestration.core.policies.model import OperatingModel
from orchestration.core.policies.records import EscalationStep
from orchestration.core.work.clocks import Clock, Pause, clock_for
from orchestration.core.work.people import Person, Staff

# Chain and number of the steps that were taken.
Taken = frozenset[tuple[str, int]]
NONE_TAKEN: Taken = frozenset()


@dataclass(frozen=True, slots=True)
class Pending:
    """What runs against a clock.

    Attributes:
        resolver_id: Who has it; None when nobody.
        owner_role: The role that owns it.
        begun_at: When the clock began, aware.
        allowed: How much running time it has.
        pauses: When the clock stood still.
        due_at: The due time that people were told, aware; None makes it what the clock reaches.
    """

    severity_code: str
    resolver_id: str | None
    owner_role: str
    begun_at: datetime
    allowed: timedelta
    pauses: tuple[Pause, ...] = ()
    due_at: datetime | None = None


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


class Timetable:
    """When the steps of tickets become due; the same question is worked out once.

    Many tickets begin and end at the same moments, and working hours are slow to walk through.
    """

    def __init__(self, model: OperatingModel, day: date) -> None:
        self._model, self._day = model, day
        self._clocks: dict[tuple[str, str], Clock] = {}
        self._moments: dict[object, tuple[tuple[EscalationStep, datetime], ...]] = {}

    def of(self, pending: Pending) -> tuple[tuple[EscalationStep, datetime], ...]:
        """Return each step with its moment, in order; steps that never come are left out."""
        asked = (pending.severity_code, pending.owner_role)
        times = (pending.begun_at, pending.allowed, pending.due_at, pending.pauses)
        if (asked, times) not in self._moments:
            if asked not in self._clocks:
                self._clocks[asked] = clock_for(self._model, *asked, self._day)
            chain = self._model.chain_of(pending.severity_code, self._day)
            found = ((step, step_moment(step, pending, self._clocks[asked])) for step in chain)
            self._moments[asked, times] = tuple(
                (step, moment) for step, moment in found if moment is not None
            )
        return self._moments[asked, times]

    def due(self, pending: Pending, taken: Taken, now: datetime) -> tuple[DueStep, ...]:
        """Return the steps that are due and were not taken, in order.

        After an outage several may be due at once; each is returned, since each is an event.
        """
        return tuple(
            DueStep(step, moment)
            for step, moment in self.of(pending)
            if moment <= now and (step.chain_code, step.step_no) not in taken
        )

    def next_at(self, pending: Pending, taken: Taken) -> datetime | None:
        """Return when the next step that was not taken becomes due; None when none does."""
        return min(
            (
                moment
                for step, moment in self.of(pending)
                if (step.chain_code, step.step_no) not in taken
            ),
            default=None,
        )


def step_moment(step: EscalationStep, pending: Pending, clock: Clock) -> datetime | None:
    """Return when a step becomes due, aware UTC; None while the clock stands without an end.

    With a due time that people were told, that is when all of the time has passed, whatever the
    clock says: nobody is told earlier that it is late. Warnings before and steps after go by the
    clock, so that they come while somebody works; where nobody works until then, by the wall.
    """
    if pending.due_at is None:
        share = pending.allowed * step.at_percent / 100
        return clock.reached(pending.begun_at, share, pending.pauses)
    begun = pending.begun_at
    due = Clock().reached(begun, pending.due_at - begun, pending.pauses)
    if due is None:
        return None
    allowed = clock.elapsed(begun, due, pending.pauses)
    if allowed <= timedelta(0):
        clock, allowed = Clock(), max(due - begun, timedelta(0))
    if step.at_percent < 100:
        warned = clock.reached(begun, allowed * step.at_percent / 100, pending.pauses)
        return due if warned is None else min(warned, due)
    return clock.reached(due, allowed * (step.at_percent - 100) / 100, pending.pauses)


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
