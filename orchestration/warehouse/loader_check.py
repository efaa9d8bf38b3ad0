"""Checking and typing a file: one pass over all rows, one boolean for each.

What belongs here: the SQL that builds `temp.main.checked`. What does not: the test of one cell
(`loader_sound`), why a row failed (`loader_reasons`), storing. The loader imports this.
"""

from dataclasses import dataclass

import duckdb

from orchestration.core.contracts import ColumnType
from orchestration.warehouse.connection import literal, quoted
from orchestration.warehouse.loader_plan import Plan
from orchestration.warehouse.loader_sound import sound_sql
from orchestration.warehouse.loader_types import product_fits_sql

_TEXTUAL = (ColumnType.ID, ColumnType.STRING, ColumnType.CURRENCY, ColumnType.PERIOD)
_MARK = "\x1f"


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of a file are read from.

    Attributes:
        relation: SQL of a relation with the columns `c0`, `c1`, ...
        line_sql: SQL of a row's line, over the alias `stage`; None when rows come in order without
            a gap, and their lines are counted from `first_line`.
        first_line: Line of the first row.
        clean: No value can hold a control character.
        count_inner: Also count the delimiters inside values.
    """

    relation: str
    line_sql: str | None
    first_line: int
    clean: bool
    count_inner: bool = False


def build_checked(connection: duckdb.DuckDBPyConnection, plan: Plan, rows: Rows) -> None:
    """Build `temp.main.checked` with a row for each row of the file.

    Columns: `_row` (the same as `rowid` in the stage), `_line`, the contract's columns typed,
    `_key_hash`, `_row_hash`, `_extra`, `_ok` (whether it may be stored), `_amount` and `_currency`
    (for accounting, from the text), and `_inner` (delimiters inside its values) where asked for.
    """
    select, headers = checked_sql(plan, rows)
    connection.execute("drop view if exists temp.main.checked")
    connection.execute(f"create or replace temp table checked_rows as {select}", headers)
    counted = f"rowid + {rows.first_line} as _line, " if rows.line_sql is None else ""
    constants = [
        f", {plan.value(cell)} as {quoted(cell.name)}" for cell in plan.cells if cell.source is None
    ]
    connection.execute(
        f"create temp view checked as select rowid as _row, {counted}*{''.join(constants)} "
        "from temp.main.checked_rows"
    )


def checked_sql(plan: Plan, rows: Rows) -> tuple[str, list[str]]:
    """Return the query that checks a file, and its parameters.

    Its rows come in the order of the file, from which their lines are told: it must be planned
    without a join, an aggregate or a sort, none of which keeps that order.
    """
    present = [(at, cell) for at, cell in enumerate(plan.cells) if cell.source is not None]
    inner = [f"{plan.value(cell)} as v{at}" for at, cell in present]
    outer = [f"v{at} as {quoted(cell.name)}" for at, cell in present]
    tests = [
        test
        for at, cell in present
        if (test := sound_sql(plan, cell, f"v{at}", clean=rows.clean)) is not None
    ]
    value_of = {cell.name: f"v{at}" for at, cell in present}
    tests += [
        product_fits_sql(value_of[cell.name], value_of[cell.column.times])
        for _, cell in present
        if cell.column.times in value_of
    ]
    extra, headers = _extra_sql(plan)
    # Marks without a value behind them are cut off, so a column that is gained at the end changes
    # no row. Few rows end with one, and cutting costs more than all the rest of the hash.
    text = "case when suffix(_text, chr(31)) then rtrim(_text, chr(31)) else _text end"
    line = "" if rows.line_sql is None else f"{rows.line_sql} as _line, "
    return (
        f"""
        select
            {line}{", ".join([*outer, ""])}
            md5_number({_key_text(plan)}) as _key_hash,
            md5_number({text if not plan.extras else f"concat_ws(chr(31), {text}, _extra)"})
                as _row_hash,
            _extra,
            {" and ".join(tests) or "true"} as _ok,
            {plan.accounted_amount} as _amount,
            {plan.accounted_currency} as _currency
            {_inner_sql(plan) if rows.count_inner else ""}
        from (
            select *{"" if rows.line_sql is None else ", rowid"}, {extra} as _extra,
                {row_text(plan)} as _text
                {", ".join(["", *inner])}
            from {rows.relation} as stage
        ) as stage
        """,
        headers,
    )


def _inner_sql(plan: Plan) -> str:
    text = f"concat({', '.join(f'stage.c{at}' for at in range(plan.width))})"
    mark = literal(plan.delimiter)
    return f", length({text}) - length(replace({text}, {mark}, '')) as _inner"


def row_text(plan: Plan) -> str:
    """Return the SQL of the text that a row's hash is taken of: its values, in table order.

    Absent, empty and spelled-out default are the same content. No accepted value holds the mark
    before each value, so two different rows never have the same text.
    """
    parts: list[str] = []
    absent = 0
    for name in plan.order:
        cell = plan.cell(name)
        if cell.source is None:
            absent += 1
            continue
        if absent:
            parts.append(literal(_MARK * (absent - 1)))
            absent = 0
        inner = f"stage.{cell.source}"
        if cell.column.default:
            inner = f"nullif({inner}, {literal(cell.column.default)})"
        parts.append(inner)
    return f"concat({', '.join(f'chr(31), {part}' for part in parts)})"


def _key_text(plan: Plan) -> str:
    """Return the SQL of a row's key: the texts of its columns, what is constant put together."""
    parts: list[str] = []
    constant: list[str] = []
    for name in plan.stream.key:
        cell = plan.cell(name)
        textual = cell.column.type in _TEXTUAL
        if cell.source is None and textual:
            constant.append(cell.column.default or "")
            continue
        if constant:
            parts.append(literal(_MARK.join(constant)))
            constant = []
        value = cell.raw if textual else f"cast({plan.value(cell)} as varchar)"
        parts.append(f"coalesce({value}, '')")
    if constant:
        parts.append(literal(_MARK.join(constant)))
    return f"concat_ws(chr(31), {', '.join(parts)})"


def _extra_sql(plan: Plan) -> tuple[str, list[str]]:
    """SQL and parameters of the JSON text of unknown columns; their names are bound, never SQL."""
    if not plan.extras:
        return "cast(null as varchar)", []
    items = ", ".join(f"?, stage.{source}" for _, source in plan.extras)
    empty = " and ".join(f"stage.{source} is null" for _, source in plan.extras)
    return (
        f"case when {empty} then null else cast(json_object({items}) as varchar) end",
        [header for header, _ in plan.extras],
    )
