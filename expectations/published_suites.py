"""The suites of the published gate: what readers of the marts were promised.

What belongs here: how the promises of `published_contract` are asked. What does not: proving our
own SQL (grain, sums and integrity are dbt tests), and column types, which the dbt contracts
enforce. Imported by `runner`.
"""

from collections.abc import Mapping
from dataclasses import replace

from expectations.plan import (
    AllowedValues,
    Check,
    ColumnTypes,
    RowNames,
    RowRule,
    Severity,
    Suite,
)
from expectations.published_contract import PROMISES, Codes, MartPromise
from expectations.results import Connection
from orchestration.warehouse.connection import literal, quoted

ANY_TYPE = ""


def published_suites(
    connection: Connection, *, synthetic_blocks: bool = False
) -> tuple[Suite, ...]:
    """Return what is asked of the marts that are there, and that those promised are there.

    Args:
        connection: Sees schemas `marts` and `seeds`.
        synthetic_blocks: Whether a synthetic order that came out otherwise keeps the marts from
            being published, or is a warning.
    """
    columns = _columns_of_marts(connection)
    suites = [_tables_suite(columns)]
    suites += [
        _mart_suite(connection, table, promise, columns[table])
        for table, promise in PROMISES.items()
        if table in columns
    ]
    severity = Severity.CRITICAL if synthetic_blocks else Severity.WARNING
    return tuple(
        replace(suite, checks=(*suite.checks, _synthetic_rule(severity)))
        if suite.name == "marts.fct_synthetic_results"
        else suite
        for suite in suites
    )


def _synthetic_rule(severity: Severity) -> RowRule:
    return RowRule(
        name="synthetic_orders_come_out_as_expected",
        columns=(
            *("case_id", "result_code"),
            *("expected_codes", "expected_state", "actual_codes", "actual_state"),
        ),
        condition="result_code = 'PASS'",
        reason="A synthetic order had another outcome than expected, so real ones may have too.",
        expected="expected_codes || ' ' || expected_state",
        actual="actual_codes || ' ' || actual_state",
        severity=severity,
    )


def _tables_suite(columns: Mapping[str, Mapping[str, str]]) -> Suite:
    rows = ", ".join(f"({literal(table)}, {table in columns})".lower() for table in PROMISES)
    return Suite(
        name="marts.tables",
        rows_sql=f"select * from (values {rows}) as promised(table_name, is_there)",
        rows_label="promised tables",
        row_count=len(PROMISES),
        names=RowNames(key=("table_name",), stream="table_name", columns=("table_name",)),
        checks=(
            RowRule(
                name="promised_tables_are_there",
                columns=("table_name", "is_there"),
                condition="is_there",
                reason="A table that readers rely on was not built: see the log of the transform.",
                expected="'marts.' || table_name",
                actual="'missing'",
                severity=Severity.CRITICAL,
            ),
        ),
    )


def _mart_suite(
    connection: Connection, table: str, promise: MartPromise, present: Mapping[str, str]
) -> Suite:
    """Return the suite of one mart; a column that is missing is asked for once, as missing."""
    promised = (*promise.key, *promise.filled, *promise.columns, *promise.codes)
    checks: list[Check] = [ColumnTypes(dict.fromkeys(promised, ANY_TYPE))]
    filled = {name: present[name] for name in (*promise.key, *promise.filled) if name in present}
    checks.append(_filled(filled))
    checks += [
        AllowedValues(column, _codes(connection, codes))
        for column, codes in promise.codes.items()
        if column in present
    ]
    key = tuple(name for name in promise.key if name in present)
    recon_key = ("recon_key",) if "recon_key" in present else ()
    return Suite(
        name=f"marts.{table}",
        rows_sql=f"select * from marts.{quoted(table)}",
        rows_label="all rows",
        row_count=_count(connection, table),
        names=RowNames(
            key=key,
            stream=literal(table),
            recon_key="".join(recon_key) or "null",
            columns=tuple(dict.fromkeys((*key, *recon_key))),
        ),
        checks=tuple(checks),
    )


def _filled(types: Mapping[str, str]) -> RowRule:
    return RowRule(
        name="promised_values_are_there",
        columns=tuple(types),
        condition=" and ".join(
            f"coalesce({quoted(name)} <> '', false)"
            if data_type == "VARCHAR"
            else f"{quoted(name)} is not null"
            for name, data_type in types.items()
        ),
        reason="A value that readers rely on is empty: the row must not be published.",
        expected=literal("a value in each of " + ", ".join(types)),
        severity=Severity.CRITICAL,
    )


def _codes(connection: Connection, codes: Codes) -> tuple[str, ...]:
    if not codes.seed:
        return codes.listed
    rows = connection.execute(
        f"select distinct {quoted(codes.column)} from seeds.{quoted(codes.seed)}"
        f" where {codes.where} order by 1"
    ).fetchall()
    return (*(str(row[0]) for row in rows), *codes.listed)


def _columns_of_marts(connection: Connection) -> dict[str, dict[str, str]]:
    """Return the type of each column of each mart."""
    rows = connection.execute(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'marts'"
    ).fetchall()
    types: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        types.setdefault(table, {})[column] = data_type
    return types


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(f"select count(*) from marts.{quoted(table)}").fetchone()
    return int(row[0])
