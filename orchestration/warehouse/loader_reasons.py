"""Why a row was rejected: a fault id and a sentence for each cell that is not sound.

What belongs here: the SQL that finds the reasons of rows already known to be unsound, and the
judgement that a column as a whole has another type. What does not: finding those rows
(`loader_check`). The loader imports this.
"""

from collections.abc import Iterator, Mapping

import duckdb

from orchestration.core.contracts import ColumnType
from orchestration.core.errors import ReconError
from orchestration.warehouse.connection import literal
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_plan import Plan, by_exponent
from orchestration.warehouse.loader_sound import fixed_scale, scaled_by_row
from orchestration.warehouse.loader_staging import STAGE
from orchestration.warehouse.loader_types import (
    AMOUNT_DIGITS,
    CONTROL,
    Cell,
    amount_pattern,
    exists_locally_sql,
    product_fits_sql,
    value_pattern,
)

_SHOWN = 80
_RETYPED_SHARE = 0.5
_RETYPED_ROWS = 2
_NO_TYPE = (ColumnType.ID, ColumnType.STRING)

_EXPECTED: Mapping[ColumnType, tuple[str, str]] = {
    ColumnType.ID: ("A22", "is blank or holds tabs or line ends, so it is no id"),
    ColumnType.STRING: ("A16", "holds characters that no text has"),
    ColumnType.RATE: ("A17", "is no rate (at most 16 digits, 12 decimals, no sign but -)"),
    ColumnType.QUANTITY: ("A17", "is no quantity (at most 12 digits, 6 decimals)"),
    ColumnType.RATIO: ("A17", "is no ratio (a decimal number with at most 6 decimals)"),
    ColumnType.INTEGER: ("A17", "is no whole number of at most 18 digits"),
    ColumnType.BOOLEAN: ("A9", "is neither true nor false"),
    ColumnType.DATE: ("A21", "is no date written YYYY-MM-DD between 1990 and 2100"),
    ColumnType.TIMESTAMP: (
        "A21",
        "is no time written YYYY-MM-DDThh:mm:ss with its offset (Z or +hh:mm), 1990 to 2100",
    ),
    ColumnType.PERIOD: ("A21", "is no month written YYYY-MM"),
    ColumnType.CURRENCY: ("A17", "is no currency code of seeds/mappings/currencies.csv"),
}


def build_rejected(connection: duckdb.DuckDBPyConnection, plan: Plan, line_sql: str) -> None:
    """Build `temp.main.rejected` with a row for each unsound row of `temp.main.checked`.

    Columns: `_row`, `_line`, `faults` (list of struct column_name, fault_id, reason, value_text),
    `amount`, `currency_code`, `row_text`.

    Raises:
        Refused: A required column as a whole has another type (A10).
        ReconError: A row failed without a reason: the two sets of patterns disagree.
    """
    faults = ", ".join(_cell_case(plan, cell) for cell in plan.cells)
    connection.execute(
        f"""
        create or replace temp table rejected as
        select
            stage.rowid as _row,
            {line_sql} as _line,
            list_filter([{faults}], lambda fault: fault is not null) as faults,
            {plan.accounted_amount} as amount,
            {plan.accounted_currency} as currency_code,
            {row_text_sql(plan)} as row_text
        from {STAGE} as stage
        where stage.rowid in (select _row from checked where not _ok)
        """
    )
    unexplained = connection.execute(
        "select count(*), min(_line) from rejected where len(faults) = 0"
    ).fetchone()
    if unexplained and unexplained[0]:
        msg = (
            f"line {unexplained[1]} failed its check without a reason: loader_sound and "
            "loader_reasons disagree; report this with the file"
        )
        raise ReconError(msg)
    _refuse_retyped(connection, plan)


def _refuse_retyped(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    suspects = [
        cell
        for cell in plan.cells
        if cell.source and not cell.optional and cell.column.type not in _NO_TYPE
    ]
    for cell in suspects:
        row = connection.execute(
            f"""
            select
                (select count(stage.{cell.source}) from {STAGE} as stage),
                count(*),
                min(fault.value_text)
            from (select unnest(faults) as fault from rejected)
            where fault.column_name = ? and fault.fault_id in ('A9', 'A17', 'A21')
                and fault.value_text is not null
            """,
            [cell.name],
        ).fetchone()
        present, unreadable, example = row or (0, 0, None)
        if unreadable >= _RETYPED_ROWS and unreadable >= present * _RETYPED_SHARE:
            reason = (
                f"{unreadable} of {present} values of column {cell.name} are no "
                f"{cell.column.type}, such as {example!r}: the column has another type now; "
                f"ask the owner of {plan.stream.source} to restore it, or change the contract"
            )
            raise Refused("A10", reason, ((cell.name, "retyped"),))


def row_text_sql(plan: Plan) -> str:
    """Return the SQL of a row written out again, for people."""
    mark = literal(plan.delimiter)
    listed = ", ".join(f"stage.c{at}" for at in range(plan.width))
    special = f"contains(cell, {mark}) or contains(cell, '\"') or contains(cell, chr(10))"
    shown = (
        "case when cell is null then '' "
        f"when {special} then '\"' || replace(cell, '\"', '\"\"') || '\"' else cell end"
    )
    return f"array_to_string(list_transform([{listed}], lambda cell: {shown}), {mark})"


def _fault(cell: Cell, fault_id: str, reason: str) -> str:
    """SQL of one finding; the sentence is `column: 'value' <reason>`."""
    value = f"left({cell.raw}, {_SHOWN})"
    sentence = f"{literal(cell.name + ': ')} || coalesce('''' || {value} || ''' ', '') || "
    return (
        f"struct_pack(column_name := {literal(cell.name)}, fault_id := {literal(fault_id)}, "
        f"reason := {sentence}{literal(reason)}, value_text := {cell.raw})"
    )


def _cell_case(plan: Plan, cell: Cell) -> str:
    if cell.source is None:
        return "null"
    missing = (
        "null"
        if cell.optional
        else _fault(
            cell, "A9", "is empty, but the contract requires a value; fill it in and resend the row"
        )
    )
    control = _fault(cell, "A16", "holds a control character; remove it and resend the row")
    arms = "".join(
        f" when {condition} then {_fault(cell, fault_id, reason)}"
        for condition, fault_id, reason in _arms(plan, cell)
    )
    return (
        f"case when {cell.raw} is null or {cell.raw} = '' then {missing} "
        f"when regexp_matches({cell.raw}, '{CONTROL}') then {control}{arms} end"
    )


def _arms(plan: Plan, cell: Cell) -> Iterator[tuple[str, str, str]]:
    """Yield (SQL that is true when the value is bad, fault id, rest of the sentence)."""
    kind = cell.column.type
    if kind is ColumnType.AMOUNT:
        yield from _amount_arms(plan, cell)
        return
    pattern = literal(value_pattern(cell.column, plan.separator))
    mismatch = f"not regexp_full_match({cell.raw}, {pattern})"
    if cell.column.allowed:
        listed = ", ".join(cell.column.allowed[:12])
        yield mismatch, "A9", f"is not among the allowed values ({listed}); correct and resend it"
        return
    fault_id, sentence = _EXPECTED[kind]
    yield mismatch, fault_id, f"{sentence}; correct and resend the row"
    if cell.column.times is not None and plan.cell(cell.column.times).source is not None:
        yield (
            f"not {product_fits_sql(plan.value(cell), plan.value(plan.cell(cell.column.times)))}",
            "A17",
            f"times its {cell.column.times} comes to more than {AMOUNT_DIGITS} digits before the "
            "decimals; correct one of them and resend the row",
        )
    if kind is ColumnType.CURRENCY:
        codes = ", ".join(literal(code) for code in plan.exponents)
        yield (
            f"{cell.raw} not in ({codes})",
            "A17",
            "is not in seeds/mappings/currencies.csv; add the currency with its exponent there "
            "or correct and resend the row",
        )
    if kind in (ColumnType.DATE, ColumnType.TIMESTAMP):
        if cell.column.timezone is not None:
            skipped = f"{plan.value(cell)} is not null and not {exists_locally_sql(cell)}"
            yield skipped, "A21", f"is skipped by the clock change in {cell.column.timezone}"
        yield (
            f"{plan.value(cell)} is null",
            "A21",
            "is no day that exists; correct and resend the row",
        )


def _amount_arms(plan: Plan, cell: Cell) -> Iterator[tuple[str, str, str]]:
    unit, separator = cell.column.unit, plan.separator
    any_scale = f"-?[0-9]{{1,{AMOUNT_DIGITS}}}(?:[{separator}][0-9]+)?"
    if unit == "minor":
        any_scale = amount_pattern(0, unit, separator)
    example = "1250" if unit == "minor" else f"-1234{separator}50"
    yield (
        f"not regexp_full_match({cell.raw}, {literal(any_scale)})",
        "A17",
        f"is no amount like {example} (at most {AMOUNT_DIGITS} digits before the decimals, no "
        "thousands separators, no sign but -); correct and resend the row",
    )
    for condition, scale, whose in _scales(plan, cell):
        pattern = literal(amount_pattern(scale, unit, separator))
        yield (
            f"{condition} and not regexp_full_match({cell.raw}, {pattern})",
            "A18",
            f"has more than {scale} decimals, which is all that {whose} has; nothing is rounded "
            "here: correct and resend the row",
        )
    if scaled_by_row(cell):
        known = ", ".join(literal(code) for code in plan.exponents)
        currency = plan.currency_of(cell)
        yield (
            f"coalesce({currency} not in ({known}), true)",
            "A18",
            "has no known currency, so its decimals cannot be checked; give the currency and "
            "resend the row",
        )


def _scales(plan: Plan, cell: Cell) -> Iterator[tuple[str, int, str]]:
    """Yield (SQL of when it holds, digits allowed, whose digits)."""
    if not scaled_by_row(cell):
        whose = cell.column.currency or "the contract's scale"
        yield "true", fixed_scale(plan, cell), whose
        return
    currency = plan.currency_of(cell)
    for exponent, codes in by_exponent(plan.exponents):
        listed = ", ".join(literal(code) for code in codes)
        yield f"coalesce({currency} in ({listed}), false)", exponent, "its currency"
