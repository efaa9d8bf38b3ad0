"""Checking and typing a staged file: one pass over all rows, one boolean for each.

What belongs here: the plan of a file (which cell is which column) and the SQL that builds
`temp.main.checked` from the stage. What does not: why a row failed (`loader_reasons`), storing.
The loader imports this.

All texts of a row are joined, tagged, into one string. Its hash is the row's hash, and one regular
expression over it decides all columns at once: matching a column at a time costs several times as
much. Amounts stand right behind their currency there, so the expression also knows their scale.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.core.contracts import ColumnType, StreamContract
from orchestration.warehouse.connection import literal, quoted
from orchestration.warehouse.loader_staging import STAGE, Staged
from orchestration.warehouse.loader_types import (
    AMOUNT_DIGITS,
    AMOUNT_SCALE,
    Cell,
    amount_pattern,
    moment_sql,
    tag,
    value_pattern,
    value_sql,
)

_TEXTUAL = (ColumnType.ID, ColumnType.STRING, ColumnType.CURRENCY, ColumnType.PERIOD)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one file is read as a stream.

    Attributes:
        stream: The contract.
        staged: The file.
        cells: Every column of the contract, in its order.
        extras: Columns of the file that the contract does not name, as (header, internal name).
        exponents: Digits behind the point by currency.
        day: The business date that decides which columns are promised.
    """

    stream: StreamContract
    staged: Staged
    cells: tuple[Cell, ...]
    extras: tuple[tuple[str, str], ...]
    exponents: Mapping[str, int]
    day: date

    def cell(self, name: str) -> Cell:
        """Return the cell of a column by its name in the contract."""
        return next(cell for cell in self.cells if cell.name == name)

    @property
    def separator(self) -> str:
        """Decimal separator of the file."""
        return self.staged.decimal_separator

    def value(self, cell: Cell) -> str:
        """Return the SQL of a cell's value."""
        factor = None
        if cell.column.unit == "minor":
            factor = _minor_factor(self._currency_sql(cell), self.exponents)
        return value_sql(cell, self.separator, factor)

    def _currency_sql(self, cell: Cell) -> str:
        if cell.column.currency is not None:
            return literal(cell.column.currency)
        return self.cell(cell.column.currency_column or "").raw

    @property
    def accounted_currency(self) -> str:
        """SQL of the currency under which a row is accounted for; empty where it names none."""
        rule = self.stream.amount
        if rule is None:
            return "''"
        if rule.currency is not None:
            return literal(rule.currency)
        if rule.currency_column is None:
            return "''"
        raw = self.cell(rule.currency_column).raw
        return f"case when regexp_full_match({raw}, '[A-Z]{{3}}') then {raw} else '' end"

    @property
    def accounted_amount(self) -> str:
        """SQL of a row's amount where its text can be read at all, whether the row is sound or not.

        Deliberately another path than `value`: it proves what was stored.
        """
        rule = self.stream.amount
        if rule is None:
            return "cast(null as decimal(18, 4))"
        cell = self.cell(rule.column)
        pattern = amount_pattern(AMOUNT_SCALE, cell.column.unit, self.separator)
        number = f"replace({cell.raw}, '{self.separator}', '.')"
        exact = f"try_cast({number} as decimal(18, 4))"
        if cell.column.unit == "minor":
            factor = _minor_factor(self._currency_sql(cell), self.exponents)
            exact = f"cast(try_cast({cell.raw} as decimal(18, 0)) * {factor} as decimal(18, 4))"
        return f"case when regexp_full_match({cell.raw}, {literal(pattern)}) then {exact} end"


def _minor_factor(currency: str, exponents: Mapping[str, int]) -> str:
    arms = " ".join(
        f"when {currency} in ({', '.join(literal(code) for code in codes)}) "
        f"then cast({10**-exponent if exponent == 0 else '0.' + '0' * (exponent - 1) + '1'} "
        "as decimal(5, 4))"
        for exponent, codes in _by_exponent(exponents)
    )
    return f"case {arms} end"


def _by_exponent(exponents: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
    for exponent in sorted(set(exponents.values())):
        yield exponent, sorted(code for code, digits in exponents.items() if digits == exponent)


def row_order(cells: tuple[Cell, ...]) -> list[Cell]:
    """Return the cells that a file has in the order of the joined text: amounts by currency."""
    present = [cell for cell in cells if cell.source is not None]
    ordered: list[Cell] = []
    for cell in present:
        if cell.column.type is ColumnType.CURRENCY:
            ordered.append(cell)
            ordered += [other for other in present if _scaled_by(other) == cell.name]
    return ordered + [cell for cell in present if cell not in ordered]


def _scaled_by(cell: Cell) -> str | None:
    """Name of the currency column that decides a cell's scale, if one does."""
    column = cell.column
    if column.type is ColumnType.AMOUNT and column.scale == "currency" and not column.currency:
        return column.currency_column
    return None


def scale_of(cell: Cell, exponent: int | None) -> int:
    """Return how many digits an amount may have, given the exponent of its currency."""
    if cell.column.scale != "currency":
        return cell.column.scale
    return AMOUNT_SCALE if exponent is None else exponent


def joined_text(plan: Plan) -> str:
    """Return the SQL of a row's joined text: each present value behind a separator and its tag."""
    return f"concat_ws(chr(31), '', {', '.join(cell.tagged for cell in row_order(plan.cells))})"


def joined_pattern(plan: Plan) -> str:
    """Return the pattern that the joined text of every sound row matches."""
    return "".join(_pattern_parts(plan))


def _pattern_parts(plan: Plan) -> Iterator[str]:
    present = row_order(plan.cells)
    grouped = [cell for cell in present if _scaled_by(cell) is not None]
    for cell in present:
        if cell in grouped:
            if plan.cell(_scaled_by(cell) or "").source is None:
                yield _item(cell, "", never=True)
        elif cell.column.type is ColumnType.CURRENCY:
            yield _currency_group(plan, cell, grouped)
        elif cell.column.type is ColumnType.AMOUNT:
            exponent = plan.exponents.get(cell.column.currency or "")
            scale = scale_of(cell, exponent)
            yield _item(cell, amount_pattern(scale, cell.column.unit, plan.separator))
        else:
            yield _item(cell, value_pattern(cell.column, plan.separator))


def _item(cell: Cell, pattern: str, *, never: bool = False) -> str:
    if never:
        return "" if cell.optional else r"[^\x00-\x{10FFFF}]"
    return f"(?:\\x1f{tag(cell.name)}{pattern}){'?' if cell.optional else ''}"


def _currency_group(plan: Plan, currency: Cell, grouped: list[Cell]) -> str:
    """Pattern of a currency and the amounts in it: one alternative for each number of digits."""
    amounts = [cell for cell in grouped if _scaled_by(cell) == currency.name]
    allowed = currency.column.allowed or tuple(plan.exponents)
    arms = []
    for exponent, codes in _by_exponent(plan.exponents):
        usable = [code for code in codes if code in allowed]
        if usable:
            head = f"\\x1f{tag(currency.name)}(?:{'|'.join(usable)})"
            arms.append(head + "".join(
                _item(cell, amount_pattern(exponent, cell.column.unit, plan.separator))
                for cell in amounts
            ))
    if currency.optional and all(cell.optional for cell in amounts):
        arms.append("")
    return f"(?:{'|'.join(arms)})"


def build_checked(connection: duckdb.DuckDBPyConnection, plan: Plan) -> int:
    """Build `temp.main.checked` with a row for each staged row; return how many are not sound.

    Columns: `_line`, the contract's columns typed, `_key_hash`, `_row_hash`, `_extra`, `_ok`.
    """
    values = [f"{plan.value(cell)} as {quoted(cell.name)}" for cell in plan.cells]
    moments = [moment_sql(cell, plan.value(cell)) for cell in plan.cells]
    tests = [f"regexp_full_match(joined, {literal(joined_pattern(plan))})"]
    tests += [f"({moment})" for moment in moments if moment is not None]
    extra, headers = _extra_sql(plan)
    hashed = "joined" if not plan.extras else "concat_ws(chr(31), joined, _extra)"
    connection.execute(
        f"""
        create or replace temp table checked as
        select
            {plan.staged.line_sql} as _line,
            {', '.join(values)},
            md5_number({_key_text(plan)}) as _key_hash,
            md5_number({hashed}) as _row_hash,
            _extra,
            {' and '.join(tests)} as _ok
        from (select *, rowid, {joined_text(plan)} as joined, {extra} as _extra
              from {STAGE} as stage) as stage
        """,
        headers,
    )
    row = connection.execute("select count(*) from checked where not _ok").fetchone()
    return 0 if row is None else int(row[0])


def _key_text(plan: Plan) -> str:
    parts = []
    for name in plan.stream.key:
        cell = plan.cell(name)
        value = cell.raw if cell.column.type in _TEXTUAL else f"cast({plan.value(cell)} as varchar)"
        parts.append(f"coalesce({value}, '')")
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


__all__ = ["AMOUNT_DIGITS", "Plan", "build_checked", "row_order", "scale_of"]
