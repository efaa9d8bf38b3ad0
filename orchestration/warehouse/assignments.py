"""The step between the phases: open items out of the warehouse, assignments back into it.

What belongs here: reading `matching.int_open_items`, calling the pure solver block by block, and
writing `matching.assignments` in one transaction. What does not: how anything is matched
(`orchestration.core.matching`). `orchestration.runner` may import this.

The table is made anew in every run and depends on nothing but the open items and the rules, so a
run that was killed at any point is put right by the next one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from orchestration.core.matching.items import (
    UNITS_PER_MAJOR,
    CandidateRule,
    Item,
    Outcome,
    Side,
    Solution,
)
from orchestration.core.matching.solver import solve

COLUMNS = (
    ("leg_code", "varchar"),
    ("tenant", "varchar"),
    ("currency_code", "varchar"),
    ("group_key", "varchar"),
    ("side_code", "varchar"),
    ("item_key", "varchar"),
    ("native_id", "varchar"),
    ("outcome_code", "varchar"),
    ("kind_code", "varchar"),
    ("residual_class", "varchar"),
    ("rule_id", "varchar"),
    ("rule_version", "integer"),
    ("explanation", "varchar"),
    ("item_amount", "decimal(18, 4)"),
    ("residual_amount", "decimal(18, 4)"),
    ("expected_count", "integer"),
    ("actual_count", "integer"),
    ("score", "decimal(9, 6)"),
    ("margin", "decimal(9, 6)"),
    ("is_exchangeable", "boolean"),
    ("is_ambiguous", "boolean"),
)
TYPES: tuple[Any, ...] = (
    *[pa.string()] * 11,
    pa.int32(),
    pa.string(),
    *[pa.int64()] * 2,
    *[pa.int32()] * 2,
    *[pa.float64()] * 2,
    *[pa.bool_()] * 2,
)
RESIDUAL_CLASSES = {
    "pair": "NONE",
    "set": "NONE",
    "sum": "NONE",
    "netted": "NONE",
    "tolerance": "TOLERANCE",
    "fee": "FEE",
    "slip": "TYPING_SLIP",
}


def _units(column: str) -> str:
    """An amount in the units of items; widened first: products of 18 digits overflow."""
    return f"cast(cast({column} as decimal(28, 4)) * {UNITS_PER_MAJOR} as bigint)"


READ_RULES = f"""
    select
        leg_code, effective_from, effective_to, rule_id, rule_version, days_before, days_after,
        {_units("under_amount")}, {_units("over_amount")},
        cast(under_rate as double), cast(over_rate as double),
        {_units("fee_amount")}, cast(fee_rate as double), allows_slips,
        cast(confirm_probability as double), cast(suggest_probability as double),
        max_members, max_subsets, cast(max_coincidence as double)
    from seeds.candidate_rules
    order by leg_code, effective_from, rule_id, rule_version
"""
READ_ITEMS = f"""
    select
        leg_code, tenant, currency_code, side_code, item_key, native_id,
        {_units("item_amount")}, item_on, coalesce(party_code, ''),
        coalesce(item_text, '')
    from matching.int_open_items
    order by leg_code, tenant, currency_code, side_code, item_key
"""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class AssignmentReport:
    """What the step came to.

    Attributes:
        items: Open items looked at.
        confirmed: Groups confirmed.
        suggested: Groups suggested.
        given_up: Items whose search for a sum met its bound.
    """

    items: int
    confirmed: int
    suggested: int
    given_up: int

    def note(self) -> str:
        """A few words for people."""
        if not self.items:
            return "nothing without a key"
        words = f"{self.items:,} items, {self.confirmed:,} matches, {self.suggested:,} suggestions"
        return words + (f", {self.given_up:,} searches given up" if self.given_up else "")


@dataclass(frozen=True, slots=True)
class DatedRule:
    """A rule and the business dates for which it holds; `until` is excluded, None is for ever."""

    leg_code: str
    since: date
    until: date | None
    rule: CandidateRule

    def holds_on(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.since <= day and (self.until is None or day < self.until)


def ensure_assignments(connection: DuckDBPyConnection) -> None:
    """Make the table, unless it is there: models read it before a run has filled it."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    connection.execute(f"create table if not exists matching.assignments ({columns})")


def assign_open_items(
    connection: DuckDBPyConnection, advanced: Callable[[int, int, str], None] | None = None
) -> AssignmentReport:
    """Match what has no key, and write what came of it; safe to call twice.

    Args:
        connection: A writer of the warehouse after phase 1.
        advanced: Told after each block how many blocks are done.

    Returns:
        How many items were looked at, and what became of them.
    """
    rules = read_rules(connection)
    items = connection.execute(READ_ITEMS).fetchall()
    blocks = list(_blocks(items))
    rows: list[Row] = []
    counts = {Outcome.CONFIRMED: 0, Outcome.SUGGESTED: 0}
    given_up = 0
    for done, block in enumerate(blocks, start=1):
        leg_code, tenant, currency_code = block[0][:3]
        for rule, solution, members in _solve_block(block, rules):
            given_up += solution.given_up
            for group in solution.groups:
                counts[group.outcome] += 1
            rows += _rows((leg_code, tenant, currency_code), rule, solution, members)
        if advanced is not None:
            advanced(done, len(blocks), f"{leg_code} {tenant}")
    _write(connection, rows)
    return AssignmentReport(
        len(items), counts[Outcome.CONFIRMED], counts[Outcome.SUGGESTED], given_up
    )


def read_rules(connection: DuckDBPyConnection) -> tuple[DatedRule, ...]:
    """Return every version of the candidate rules."""
    return tuple(
        DatedRule(leg_code, since, until, CandidateRule(*values))
        for leg_code, since, until, *values in connection.execute(READ_RULES).fetchall()
    )


def _blocks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The items of each leg, tenant and currency."""
    block: list[Row] = []
    for row in rows:
        if block and block[0][:3] != row[:3]:
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def _solve_block(
    block: Sequence[Row], rules: Sequence[DatedRule]
) -> Iterator[tuple[CandidateRule, Solution, dict[tuple[Side, str], Item]]]:
    """Solve a block by the rule version of its expected items, one after the other by date.

    What the first version leaves of the actual items is what the second one sees.
    """
    leg_code = block[0][0]
    versions = [one for one in rules if one.leg_code == leg_code]
    sides: dict[str, list[Item]] = {Side.EXPECTED: [], Side.ACTUAL: []}
    for row in block:
        sides[row[3]].append(Item(row[4], row[5] or "", row[6], row[7], row[8], row[9]))
    actual = sides[Side.ACTUAL]
    for number, version in enumerate(versions):
        expected = [one for one in sides[Side.EXPECTED] if version.holds_on(one.on)]
        if not expected and number < len(versions) - 1:
            continue
        solution = solve(expected, actual, version.rule)
        if number < len(versions) - 1:
            solution = replace(
                solution,
                open_items=tuple(one for one in solution.open_items if one.side is Side.EXPECTED),
            )
        members = {
            **{(Side.EXPECTED, one.key): one for one in expected},
            **{(Side.ACTUAL, one.key): one for one in actual},
        }
        taken = {
            key
            for group in solution.groups
            if group.outcome is Outcome.CONFIRMED
            for key in group.actual
        }
        yield version.rule, solution, members
        actual = [one for one in actual if one.key not in taken]


def _rows(
    block: tuple[str, str, str],
    rule: CandidateRule,
    solution: Solution,
    members: dict[tuple[Side, str], Item],
) -> Iterator[Row]:
    """One row per member of a group, and one per open item."""
    for group in solution.groups:
        for side, keys in ((Side.EXPECTED, group.expected), (Side.ACTUAL, group.actual)):
            for key in keys:
                item = members[side, key]
                yield (
                    *block,
                    group.key,
                    side.value,
                    key,
                    item.name,
                    group.outcome.value,
                    group.kind.value,
                    RESIDUAL_CLASSES[group.kind.value],
                    rule.rule_id,
                    rule.rule_version,
                    group.explanation,
                    item.amount,
                    group.residual,
                    len(group.expected),
                    len(group.actual),
                    round(group.score, 6),
                    round(group.margin, 6),
                    group.is_exchangeable,
                    group.is_ambiguous,
                )
    for one in solution.open_items:
        item = members[one.side, one.key]
        yield (
            *block,
            None,
            one.side.value,
            one.key,
            item.name,
            Outcome.OPEN.value,
            "",
            "UNEXPLAINED",
            rule.rule_id,
            rule.rule_version,
            one.explanation,
            item.amount,
            0,
            0,
            0,
            0.0,
            0.0,
            False,
            one.is_ambiguous,
        )


def _write(connection: DuckDBPyConnection, rows: Sequence[Row]) -> None:
    """Replace the table by these rows, in one transaction."""
    names = [name for name, _ in COLUMNS]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    found = pa.table(
        {
            name: pa.array(list(values), kind)
            for name, values, kind in zip(names, columns, TYPES, strict=True)
        }
    )
    connection.register("assignments_found", found)
    listed = ", ".join(
        f"cast(cast({name} as decimal(18, 0)) * 0.0001 as {kind}) as {name}"
        if name in ("item_amount", "residual_amount")
        else f"cast({name} as {kind}) as {name}"
        for name, kind in COLUMNS
    )
    connection.execute("begin transaction")
    try:
        connection.execute("drop table if exists matching.assignments")
        ensure_assignments(connection)
        connection.execute(
            f"insert into matching.assignments select {listed} from assignments_found"
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("assignments_found")
