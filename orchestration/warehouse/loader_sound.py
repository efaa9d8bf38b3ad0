"""Whether one cell of a row may be stored: an SQL test a column, as cheap as it can be.

What belongs here: the fast yes or no of the check of all rows. What does not: reasons
(`loader_reasons`), which must find one wherever a test here says no. The loader imports these.

Where the bytes of a file hold no control character at all, free texts need no test.
"""

from collections.abc import Iterator

from orchestration.core.contracts import ColumnType
from orchestration.warehouse.connection import literal
from orchestration.warehouse.loader_plan import Plan, by_exponent, one_of
from orchestration.warehouse.loader_types import (
    CONTROL,
    Cell,
    amount_pattern,
    exists_locally_sql,
    value_pattern,
)

_FEW = 12


def scaled_by_row(cell: Cell) -> bool:
    """Whether the currency in the row decides how many digits an amount may have."""
    column = cell.column
    return column.type is ColumnType.AMOUNT and column.scale == "currency" and not column.currency


def fixed_scale(plan: Plan, cell: Cell) -> int:
    """Return the digits of an amount whose currency is not a column of the row."""
    if cell.column.scale != "currency":
        return cell.column.scale
    return plan.exponents[cell.column.currency or ""]


def sound_sql(plan: Plan, cell: Cell, value: str, *, clean: bool) -> str | None:
    """Return the SQL that is true exactly for the sound values of a cell; None when all are.

    Args:
        plan: Of the file.
        cell: The column.
        value: SQL of the cell's converted value, where that is at hand.
        clean: No value of the file holds a control character.
    """
    inner = f"stage.{cell.source}"
    tests = list(_value_tests(plan, cell, inner, clean=clean))
    if cell.column.type in (ColumnType.DATE, ColumnType.TIMESTAMP):
        tests.append(f"{value} is not null")
    if cell.optional:
        joined = " and ".join(tests)
        return f"({inner} is null or coalesce({joined}, false))" if tests else None
    return f"coalesce({' and '.join(tests)}, false)" if tests else f"{inner} is not null"


def _value_tests(plan: Plan, cell: Cell, inner: str, *, clean: bool) -> Iterator[str]:
    column = cell.column
    if column.type is ColumnType.AMOUNT:
        yield from _amount_tests(plan, cell, inner)
    elif column.type is ColumnType.CURRENCY:
        codes = [code for code in plan.exponents if not column.allowed or code in column.allowed]
        yield _matches(inner, f"(?:{'|'.join(codes)})")
    elif column.allowed and len(column.allowed) <= _FEW:
        yield one_of(inner, column.allowed)
    elif column.type is ColumnType.STRING and not column.allowed:
        if not clean:
            yield f"not regexp_matches({inner}, '{CONTROL}')"
    elif column.type is ColumnType.ID and clean and not column.allowed:
        # Only what begins with a blank can be blank throughout.
        yield f"case when {inner} < '!' then trim({inner}) <> '' else {inner} is not null end"
    else:
        yield _matches(inner, value_pattern(column, plan.separator))
        if column.type is ColumnType.TIMESTAMP and column.timezone is not None:
            yield exists_locally_sql(cell)


def _matches(inner: str, pattern: str) -> str:
    return f"regexp_full_match({inner}, {literal(pattern)})"


def _amount_tests(plan: Plan, cell: Cell, inner: str) -> Iterator[str]:
    unit, separator = cell.column.unit, plan.separator
    if not scaled_by_row(cell):
        yield _matches(inner, amount_pattern(fixed_scale(plan, cell), unit, separator))
        return
    currency = plan.currency_of(cell)
    yield f"{currency} <> ''"
    if unit == "minor":
        yield _matches(inner, amount_pattern(0, unit, separator))
    else:
        yield _scaled_test(inner, currency, plan)


def _scaled_test(inner: str, currency: str, plan: Plan) -> str:
    """Test an amount by the digits of its currency; an unknown currency fails its own test."""
    groups = sorted(by_exponent(plan.exponents), key=lambda group: len(group[1]))
    common = groups.pop()[0]
    arms = " ".join(
        f"when {one_of(currency, codes)} "
        f"then {_matches(inner, amount_pattern(exponent, 'major', plan.separator))}"
        for exponent, codes in groups
    )
    otherwise = _matches(inner, amount_pattern(common, "major", plan.separator))
    return f"(case {arms} else {otherwise} end)" if arms else otherwise
