"""What is wrong across the rows of the operating model: roles, RACI, hours, escalations.

What belongs here: checks of tables that are each well-formed, as sentences that begin with
`file:line`. What does not: the shape of one row (`core.policies.records`), who signs
(`core.policies.signing_checks`), documents (`core.policies.document_checks`), reading
(`connectors.operating_model`). Anyone may import this.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from orchestration.core.policies.periods import gaps, overlaps
from orchestration.core.policies.records import (
    EscalationStep,
    RaciRow,
    SlaClock,
)
from orchestration.core.policies.rows import ANY, LEG_OWNER
from orchestration.core.policies.tables import Tables, grouped, twice, unknown_roles


def table_problems(tables: Tables) -> Iterator[str]:
    """Yield every problem of roles, RACI, hours and escalations."""
    yield from _role_problems(tables)
    yield from _raci_problems(tables)
    yield from _hours_problems(tables)
    yield from _escalation_problems(tables)


def _role_problems(tables: Tables) -> Iterator[str]:
    yield from twice(tables.roles, lambda role: role.role_code, "role")
    hours = {row.hours_code for row in tables.hours}
    for role in tables.roles:
        yield from unknown_roles(role.at, [role.fallback_role], tables, "fallback_role")
        if role.fallback_role == role.role_code:
            yield f"{role.at}: {role.role_code} cannot fall back on itself"
        if role.hours_code not in hours:
            yield (
                f"{role.at}: hours_code {role.hours_code!r} is not in "
                "seeds/policies/working_hours.csv"
            )


def _raci_problems(tables: Tables) -> Iterator[str]:
    by_subject = grouped(tables.raci, _raci_subject)
    for (subject_type, code), rows in by_subject.items():
        yield from overlaps(rows, f"{subject_type} {code}")
        yield from _raci_subject_problems(rows[0], tables)
    for row in tables.raci:
        allowed = [LEG_OWNER] if row.subject_type == "leg_state" else []
        named = [row.responsible, row.accountable, *row.consulted, *row.informed]
        named += [row.fallback_owner]
        yield from unknown_roles(
            row.at, [role for role in named if role not in allowed], tables, "role"
        )
        if row.fallback_owner == row.responsible:
            yield f"{row.at}: {row.responsible} is responsible and cannot be its own fallback"
    yield from _raci_gaps(tables, by_subject)


def _raci_subject(row: RaciRow) -> tuple[str, str]:
    return (row.subject_type, row.subject_code)


def _raci_subject_problems(row: RaciRow, tables: Tables) -> Iterator[str]:
    known = {
        "exception_class": frozenset(one.exception_code for one in tables.classes),
        "exception_family": frozenset(one.family_code for one in tables.classes),
        "order_state": tables.states.get("order", frozenset()),
        "leg_state": tables.states.get("leg", frozenset()),
    }[row.subject_type]
    if row.subject_code not in known:
        yield f"{row.at}: {row.subject_type} {row.subject_code!r} is not in seeds/taxonomy"


def _raci_gaps(
    tables: Tables, by_subject: Mapping[tuple[str, str], tuple[RaciRow, ...]]
) -> Iterator[str]:
    at = f"seeds/{RaciRow.file}:1"
    for one in tables.classes:
        own = by_subject.get(("exception_class", one.exception_code), ())
        family = by_subject.get(("exception_family", one.family_code), ())
        yield from gaps((*own, *family), f"class {one.exception_code}", at)
        for row in own or family:
            if (row.responsible, row.accountable) != (one.owner_role, one.approver_role):
                yield (
                    f"{row.at}: {one.exception_code} is {one.owner_role}'s and answered for by "
                    f"{one.approver_role} in {one.at}, but {row.responsible}'s and "
                    f"{row.accountable}'s here; make them agree"
                )
    # States of reconciliation; a ticket is its exception's, whose class has a RACI of its own.
    for subject in ("leg", "order"):
        for state in sorted(tables.states.get(subject, ())):
            rows = by_subject.get((f"{subject}_state", state), ())
            yield from gaps(rows, f"{subject} state {state}", at)


def _hours_problems(tables: Tables) -> Iterator[str]:
    for row in tables.hours:
        if row.time_zone not in tables.zones:
            yield f"{row.at}: {row.time_zone!r} is no IANA time zone"
        if row.calendar_code is not None and row.calendar_code not in tables.calendars:
            yield f"{row.at}: calendar {row.calendar_code!r} is not in seeds/policies/calendars.csv"
    for code, rows in grouped(tables.hours, lambda row: row.hours_code).items():
        for row in rows[1:]:
            settings = (rows[0].time_zone, rows[0].calendar_code)
            if (row.time_zone, row.calendar_code) != settings:
                yield f"{row.at}: {code} has another time zone or calendar in line {rows[0].line}"
        days = grouped(rows, lambda row: row.weekday)
        for day in days.values():
            spans = sorted(day, key=lambda row: row.opens_at)
            for before, after in itertools.pairwise(spans):
                if after.opens_at < before.closes_at:
                    yield f"{after.at}: opens before the hours of line {before.line} close"
    clocks = grouped(tables.clocks, lambda row: row.severity_code)
    for severity in sorted(tables.severities):
        rows_of = clocks.get(severity, ())
        yield from overlaps(rows_of, f"clock of {severity}")
        yield from gaps(rows_of, f"severity {severity}", f"seeds/{SlaClock.file}:1")
    for clock in tables.clocks:
        yield from _unknown_severity(clock.at, clock.severity_code, tables)


def _unknown_severity(at: str, severity: str, tables: Tables) -> Iterator[str]:
    if severity not in tables.severities:
        yield f"{at}: severity {severity!r} is not in seeds/policies/severity_policies.csv"


def _escalation_problems(tables: Tables) -> Iterator[str]:
    steps = grouped(tables.escalations, lambda row: (row.severity_code, row.step_no))
    for (severity, step_no), rows in steps.items():
        yield from overlaps(rows, f"step {step_no} of severity {severity}")
    for severity, rows in grouped(tables.escalations, lambda row: row.severity_code).items():
        if severity != ANY:
            yield from _unknown_severity(rows[0].at, str(severity), tables)
        for day in sorted({row.effective_from for row in rows}):
            chain = sorted((row for row in rows if row.holds_on(day)), key=lambda row: row.step_no)
            yield from _chain_problems(chain)
    general = [row for row in tables.escalations if row.severity_code == ANY and row.step_no == 1]
    yield from gaps(general, "severity *", f"seeds/{EscalationStep.file}:1")


def _chain_problems(chain: Sequence[EscalationStep]) -> Iterator[str]:
    """Yield what keeps a chain from going one way, from the resolver up, later and later."""
    if chain and chain[0].from_level != "resolver":
        yield f"{chain[0].at}: chain {chain[0].chain_code} begins with the resolver"
    told: set[str] = {"resolver"}
    for index, step in enumerate(chain):
        if step.to_level in told:
            yield (
                f"{step.at}: escalation loop: step {step.step_no} of {step.chain_code} goes back "
                f"to {step.to_level}"
            )
        told.add(step.to_level)
        if index and step.from_level != chain[index - 1].to_level:
            yield (
                f"{step.at}: step {step.step_no} comes from {step.from_level}, but the step "
                f"before it goes to {chain[index - 1].to_level}"
            )
        if index and step.at_percent <= chain[index - 1].at_percent:
            yield (
                f"{step.at}: step {step.step_no} is due at {step.at_percent} %, not after the "
                f"step before it"
            )
