"""The query that checks a file keeps its rows in order: their lines are counted from that."""

import json
from datetime import date

import duckdb
import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import ColumnType, StreamContract
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse.loader_check import Rows, checked_sql
from orchestration.warehouse.loader_plan import Plan
from orchestration.warehouse.loader_types import Cell

STREAMS = [
    stream
    for contract in load_contracts(PROJECT_ROOT / "seeds").values()
    for stream in contract.streams.values()
]
# Enough currencies of each exponent to make any list of them a long one.
EXPONENTS = {f"X{a}{b}": digits for digits, a in enumerate("ABCDE") for b in "ABCDEFGHIJKLMNOP"}
KEEPS_ORDER = {"PROJECTION", "SEQ_SCAN", "TABLE_SCAN", "DUMMY_SCAN", "EXPLAIN"}


def plan(stream: StreamContract, separator: str, unit: str) -> Plan:
    columns = {
        name: column.model_copy(update={"unit": unit})
        if column.type is ColumnType.AMOUNT and column.currency_column
        else column
        for name, column in stream.columns.items()
    }
    cells = tuple(
        Cell(name, column, f"c{at}", optional=column.may_be_null)
        for at, (name, column) in enumerate(columns.items())
    )
    return Plan(
        stream=stream,
        cells=cells,
        extras=(("more", f"c{len(cells)}"),),
        order=tuple(columns),
        exponents={"BRL": 2, **EXPONENTS},
        day=date(2026, 1, 1),
        width=len(cells) + 1,
        separator=separator,
        delimiter=",",
    )


def operators(node: dict) -> set[str]:
    return {node["name"].strip()}.union(*(operators(child) for child in node["children"]))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.table)
def test_the_check_of_no_stream_is_planned_with_a_join(stream):
    for separator, unit, clean in ((".", "major", True), (",", "minor", False)):
        made = plan(stream, separator, unit)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            names = ", ".join(f"c{at} varchar" for at in range(made.width))
            connection.execute(f"create temp table stage (line bigint, {names})")
            connection.execute("insert into stage by name select range as line from range(10000)")
            rows = Rows("temp.main.stage", "stage.line", 0, clean, count_inner=True)
            sql, headers = checked_sql(made, rows)
            row = connection.execute(f"explain (format json) {sql}", headers).fetchone()
            assert row is not None
            (tree,) = json.loads(row[1])
            assert operators(tree) <= KEEPS_ORDER
