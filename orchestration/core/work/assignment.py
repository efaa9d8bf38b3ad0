"""Assignment: who resolves an exception.

What belongs here: the choice among people by role, presence, preference and load; the same facts
always give the same choice. What does not: recording it. Anyone may import this.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from orchestration.core.policies.model import OperatingModel
from orchestration.core.work.people import Person, Staff


@dataclass(frozen=True, slots=True)
class Unassigned:
    """An exception that needs a resolver.

    Attributes:
        sort_key: Decides who is served first where load decides; such as the due time as text.
        preferred_id: Who has it for preference: the sales owner, the seller's reconciliation owner.
        barred_ids: Who must not have it, because it is about what they did.
    """

    exception_id: str
    exception_code: str
    sort_key: str = ""
    preferred_id: str | None = None
    barred_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who has an exception.

    Attributes:
        person_id: None when nobody is there: the role has it.
        role: The role by which it is theirs.
        because: Why this person, in words.
    """

    exception_id: str
    person_id: str | None
    role: str
    because: str


def assign(
    wanted: Iterable[Unassigned],
    staff: Staff,
    loads: Mapping[str, int],
    model: OperatingModel,
    day: date,
) -> tuple[Assignment, ...]:
    """Return who has each exception, in the order in which they were served.

    The role that is responsible by RACI comes first, then its fallback; among those who are there
    the preferred one, else whoever has least, and among equals the one that a hash of exception and
    person picks, so that nobody is always the first. Somebody who is away is replaced by the
    deputy if the deputy is of the same role.

    Args:
        wanted: Any number, of any class.
        staff: Everybody.
        loads: Open exceptions by person before; each assignment adds one.
        model: The policies.
        day: The day of assignment.

    Raises:
        KeyError: A class has no RACI.
    """
    carried = dict(loads)
    served = []
    for one in sorted(wanted, key=lambda want: (want.sort_key, want.exception_id)):
        choice = _choose(one, staff, carried, model, day)
        if choice.person_id is not None:
            carried[choice.person_id] = carried.get(choice.person_id, 0) + 1
        served.append(choice)
    return tuple(served)


def _choose(
    one: Unassigned,
    staff: Staff,
    loads: Mapping[str, int],
    model: OperatingModel,
    day: date,
) -> Assignment:
    raci = model.raci_of_class(one.exception_code, day)
    for role, why in (
        (raci.responsible, f"{raci.responsible} is responsible for {one.exception_code}"),
        (raci.fallback, f"nobody of {raci.responsible} is there; {raci.fallback} takes over"),
    ):
        there = [
            person for person in staff.present(role, day) if person.person_id not in one.barred_ids
        ]
        if not there:
            continue
        preferred = _preferred(one, there, staff, day)
        if preferred is not None:
            return Assignment(
                one.exception_id, preferred.person_id, role, f"{why}; theirs by the order"
            )
        least = min(there, key=lambda person: _rank(one, person, loads))
        return Assignment(
            one.exception_id,
            least.person_id,
            role,
            f"{why}; {loads.get(least.person_id, 0)} open before this one",
        )
    return Assignment(
        one.exception_id,
        None,
        raci.responsible,
        f"nobody of {raci.responsible} or {raci.fallback} is there",
    )


def _preferred(one: Unassigned, there: list[Person], staff: Staff, day: date) -> Person | None:
    if one.preferred_id is None:
        return None
    stand_ins = [one.preferred_id]
    stand_ins += [person.person_id for person in staff.deputies_of(one.preferred_id, day)]
    for person_id in stand_ins:
        for person in there:
            if person.person_id == person_id:
                return person
    return None


def _rank(one: Unassigned, person: Person, loads: Mapping[str, int]) -> tuple[int, str]:
    mixed = hashlib.sha256(f"{one.exception_id}\0{person.person_id}".encode()).hexdigest()
    return (loads.get(person.person_id, 0), mixed)
