"""What is wrong across the rows that say who signs, for how long, and what is looked at again.

What belongs here: approval limits and validity, sampling, alarms, absences, accounts, reasons.
What does not: the other tables (`core.policies.checks`). Anyone may import this.
"""

import itertools
from collections.abc import Iterator

from orchestration.core.policies.periods import band_problems, gaps, overlaps
from orchestration.core.policies.records import (
    ApprovalLimit,
    ApprovalValidity,
    ReasonCode,
    SamplingRule,
)
from orchestration.core.policies.rows import (
    ACCOUNTABLE,
    ANY,
    REASONED_ACTIONS,
    SAMPLED_ACTIONS,
    SIGNED_ACTIONS,
    DatedRow,
)
from orchestration.core.policies.tables import Tables, grouped, twice, unknown_roles


def signing_problems(tables: Tables) -> Iterator[str]:
    """Yield every problem of what people sign."""
    yield from _limit_problems(tables)
    yield from _validity_problems(tables)
    yield from _hand_problems(tables)
    yield from _absence_problems(tables)
    yield from _identity_problems(tables)
    yield from _reason_problems(tables)


def _limit_problems(tables: Tables) -> Iterator[str]:
    for row in tables.limits:
        named = [role for role in row.required_roles if role != ACCOUNTABLE]
        yield from unknown_roles(row.at, named, tables, "required role")
        if row.requester_role != ANY:
            yield from unknown_roles(row.at, [row.requester_role], tables, "requester_role")
        if row.currency_code != ANY and row.currency_code not in tables.currencies:
            yield f"{row.at}: {row.currency_code} is not in seeds/mappings/currencies.csv"
        if len(set(row.required_roles)) != len(row.required_roles):
            yield f"{row.at}: names a required role twice; raise least_signers instead"
    groups = grouped(tables.limits, _limit_subject)
    for subject, rows in groups.items():
        yield from band_problems(rows, f"approval limit {'/'.join(subject)}")
    for action in SIGNED_ACTIONS:
        if (action, ANY, ANY, ANY) not in groups:
            yield (
                f"seeds/{ApprovalLimit.file}:1: {action} has no band for every role, tier and "
                "currency (*)"
            )


def _limit_subject(row: ApprovalLimit) -> tuple[str, str, str, str]:
    return (row.action_code, row.requester_role, row.tier_code, row.currency_code)


def _validity_problems(tables: Tables) -> Iterator[str]:
    rows = grouped(tables.validity, lambda row: row.action_code)
    for action in SIGNED_ACTIONS:
        of_action: tuple[DatedRow, ...] = rows.get(action, ())
        yield from overlaps(of_action, f"validity of {action}")
        yield from gaps(of_action, action, f"seeds/{ApprovalValidity.file}:1")


def _hand_problems(tables: Tables) -> Iterator[str]:
    """Sampling and alarms of what is decided by hand."""
    sampled = grouped(tables.sampling, lambda row: row.action_code)
    for action in SAMPLED_ACTIONS:
        rows = sampled.get(action, ())
        if rows:
            yield from band_problems(rows, f"sampling of {action}")
        else:
            yield f"seeds/{SamplingRule.file}:1: {action} has no row; none would be sampled"
        periods = {row.period_code for row in rows}
        if len(periods) > 1:
            yield f"{rows[0].at}: {action} is sampled by {' and '.join(sorted(periods))}; keep one"
    classes = {one.exception_code for one in tables.classes}
    alarms = grouped(tables.alarms, lambda row: row.action_code)
    for action, rows_of in alarms.items():
        yield from overlaps(rows_of, f"alarm of {action}")
    for alarm in tables.alarms:
        if alarm.exception_code not in classes:
            yield (
                f"{alarm.at}: {alarm.exception_code} is not in seeds/taxonomy/exception_classes.csv"
            )


def _absence_problems(tables: Tables) -> Iterator[str]:
    for person, rows in grouped(tables.absences, lambda row: row.person_id).items():
        spans = sorted(rows, key=lambda row: row.from_on)
        for before, after in itertools.pairwise(spans):
            if after.from_on <= before.to_on:
                yield f"{after.at}: {person} is already away by line {before.line}"
    for row in tables.absences:
        for other in tables.absences:
            crossed = (row.person_id, row.deputy_id) == (other.deputy_id, other.person_id)
            meets = row.from_on <= other.to_on and other.from_on <= row.to_on
            if crossed and meets and row.line < other.line:
                yield (
                    f"{other.at}: deputy loop: {row.person_id} and {row.deputy_id} stand for each "
                    f"other while both are away (line {row.line})"
                )


def _identity_problems(tables: Tables) -> Iterator[str]:
    yield from twice(tables.identities, lambda row: row.account_id.casefold(), "account")


def _reason_problems(tables: Tables) -> Iterator[str]:
    yield from twice(tables.reasons, lambda row: row.reason_code, "reason code")
    for row in tables.reasons:
        for action in row.applies_to:
            if action not in REASONED_ACTIONS:
                known = ", ".join(REASONED_ACTIONS)
                yield f"{row.at}: applies_to {action!r} is no action; known are {known}"
    for action in REASONED_ACTIONS:
        if not any(row.is_active and action in row.applies_to for row in tables.reasons):
            yield f"seeds/{ReasonCode.file}:1: {action} has no active reason"
