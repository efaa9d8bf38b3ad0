"""The policy tables as read, and how rows are grouped for checks.

What belongs here: what every check needs. What does not: a check. Only `core.policies` and
`connectors.operating_model` import this.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from orchestration.core.policies.records import (
    Absence,
    ApprovalLimit,
    ApprovalValidity,
    EscalationStep,
    ExceptionClass,
    Identity,
    OverrideAlarm,
    RaciRow,
    ReasonCode,
    Role,
    SamplingRule,
    SlaClock,
    WorkingHours,
)
from orchestration.core.policies.rows import Row

_R = TypeVar("_R", bound=Row)
_K = TypeVar("_K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Tables:
    """The policy tables as read, before anybody knows whether they fit together.

    Attributes:
        states: The states by subject type (order, leg).
        legs: The owner role of each leg.
        severities: The severity codes.
        calendars: The calendar codes.
        zones: The names of all time zones.
        currencies: The currency codes.
    """

    roles: tuple[Role, ...]
    classes: tuple[ExceptionClass, ...]
    raci: tuple[RaciRow, ...]
    hours: tuple[WorkingHours, ...]
    clocks: tuple[SlaClock, ...]
    escalations: tuple[EscalationStep, ...]
    limits: tuple[ApprovalLimit, ...]
    validity: tuple[ApprovalValidity, ...]
    alarms: tuple[OverrideAlarm, ...]
    sampling: tuple[SamplingRule, ...]
    absences: tuple[Absence, ...]
    identities: tuple[Identity, ...]
    reasons: tuple[ReasonCode, ...]
    states: Mapping[str, frozenset[str]]
    legs: Mapping[str, str]
    severities: frozenset[str]
    calendars: frozenset[str]
    zones: frozenset[str]
    currencies: frozenset[str]

    @property
    def role_codes(self) -> frozenset[str]:
        """The roles that exist."""
        return frozenset(role.role_code for role in self.roles)


def unknown_roles(at: str, roles: Iterable[str], tables: Tables, column: str) -> Iterator[str]:
    """Yield each role that roles.csv lacks."""
    for role in roles:
        if role not in tables.role_codes:
            yield f"{at}: {column} {role!r} is no role of seeds/policies/roles.csv"


def grouped(rows: Iterable[_R], key: Callable[[_R], _K]) -> Mapping[_K, tuple[_R, ...]]:
    """Return rows by a key, in the order in which they stand."""
    groups: dict[_K, list[_R]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {name: tuple(members) for name, members in groups.items()}


def twice(rows: Iterable[_R], key: Callable[[_R], str], what: str) -> Iterator[str]:
    """Yield each row whose key stands in an earlier line."""
    for name, members in grouped(rows, key).items():
        for row in members[1:]:
            yield f"{row.at}: {what} {name!r} is also in line {members[0].line}; keep one"
