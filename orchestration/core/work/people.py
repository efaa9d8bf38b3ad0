"""People as the rules of work see them: role, manager, limit, and who stands for whom.

What belongs here: facts about people and their absences. What does not: accounts and signing in
(`orchestration.ledger.people`), names and addresses. Anyone may import this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestration.core.policies.records import Absence


@dataclass(frozen=True, slots=True)
class Person:
    """One person.

    Attributes:
        role: The one role that the person has.
        manager_id: To whom escalations go; None when nobody.
        approval_limit: The largest amount that the person may sign, units of `currency_code`; None
            for none.
        is_active: Whether the person may act at all.
    """

    person_id: str
    role: str
    manager_id: str | None = None
    approval_limit: Decimal | None = None
    currency_code: str | None = None
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody, with who is away.

    Attributes:
        people: By id.
        absences: Of anybody, at any time.
    """

    people: Mapping[str, Person]
    absences: tuple[Absence, ...] = ()

    @classmethod
    def of(cls, people: Iterable[Person], absences: Iterable[Absence] = ()) -> "Staff":
        """Return the staff of these people."""
        return cls({person.person_id: person for person in people}, tuple(absences))

    def active(self, person_id: str | None) -> Person | None:
        """Return a person who may act; None for anybody else."""
        person = self.people.get(person_id) if person_id is not None else None
        return person if person is not None and person.is_active else None

    def is_away(self, person_id: str, day: date) -> bool:
        """Whether a person is away on a day."""
        return any(one.person_id == person_id and one.holds_on(day) for one in self.absences)

    def deputies_of(self, person_id: str, day: date) -> tuple[Person, ...]:
        """Return who stands for a person who is away; only those who are there themselves."""
        named = (
            self.active(one.deputy_id)
            for one in self.absences
            if one.person_id == person_id and one.holds_on(day)
        )
        return tuple(
            person
            for person in named
            if person is not None and not self.is_away(person.person_id, day)
        )

    def deputises_for(self, deputy_id: str, day: date) -> tuple[Person, ...]:
        """Return the active people for whom somebody stands on a day, by id."""
        absent = (
            self.active(one.person_id)
            for one in self.absences
            if one.deputy_id == deputy_id and one.holds_on(day)
        )
        return tuple(
            sorted(
                (person for person in absent if person is not None), key=lambda one: one.person_id
            )
        )

    def present(self, role: str, day: date) -> tuple[Person, ...]:
        """Return the active people of a role who are there on a day, by id."""
        return tuple(
            sorted(
                (
                    person
                    for person in self.people.values()
                    if person.role == role
                    and person.is_active
                    and not self.is_away(person.person_id, day)
                ),
                key=lambda one: one.person_id,
            )
        )

    def managers_of(self, person_id: str) -> tuple[Person, ...]:
        """Return the chain of active managers, nearest first; a circle ends where it closes."""
        chain: list[Person] = []
        seen = {person_id}
        person = self.people.get(person_id)
        while person is not None and person.manager_id is not None:
            if person.manager_id in seen:
                break
            seen.add(person.manager_id)
            person = self.people.get(person.manager_id)
            if person is not None and person.is_active:
                chain.append(person)
        return tuple(chain)
