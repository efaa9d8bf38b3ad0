"""The plan of one file: which of its cells is which column of the contract.

What belongs here: the plan and what follows from it for a whole row. What does not: making it from
a header (`loader_drift`), and the tests of cells (`loader_sound`). The loader imports this.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from orchestration.core.contracts import StreamContract
from orchestration.warehouse.connection import literal
from orchestration.warehouse.loader_types import AMOUNT_SCALE, Cell, amount_pattern, value_sql


@dataclass(frozen=True, slots=True)
class Plan:
    """How one file is read as a stream.

    Attributes:
        stream: The contract.
        cells: Every column of the contract, in its order.
        extras: Columns of the file that the contract does not name, as (header, internal name).
        order: Contract columns in the order of the raw table, where new ones are always last; the
            row hash is taken in it, so that a new column leaves the hashes of old rows alone.
        exponents: Digits behind the point by currency.
        day: The business date that decides which columns are promised.
        width: Columns of the file.
        separator: Decimal separator of the file.
        delimiter: With which a rejected row is shown again.
    """

    stream: StreamContract
    cells: tuple[Cell, ...]
    extras: tuple[tuple[str, str], ...]
    order: tuple[str, ...]
    exponents: Mapping[str, int]
    day: date
    width: int
    separator: str
    delimiter: str

    def cell(self, name: str) -> Cell:
        """Return the cell of a column by its name in the contract."""
        return next(cell for cell in self.cells if cell.name == name)

    def currency_of(self, cell: Cell) -> str:
        """Return the SQL of the currency of an amount."""
        if cell.column.currency is not None:
            return literal(cell.column.currency)
        return self.cell(cell.column.currency_column or "").raw

    def value(self, cell: Cell) -> str:
        """Return the SQL of a cell's value."""
        factor = None
        if cell.column.unit == "minor":
            factor = minor_factor(self.currency_of(cell), self.exponents)
        return value_sql(cell, self.separator, factor)

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
        number = cell.raw
        if self.separator != ".":
            number = f"replace({cell.raw}, '{self.separator}', '.')"
        exact = f"try_cast({number} as decimal(18, 4))"
        if cell.column.unit == "minor":
            factor = minor_factor(self.currency_of(cell), self.exponents)
            exact = f"cast(try_cast({cell.raw} as decimal(18, 0)) * {factor} as decimal(18, 4))"
        return f"case when regexp_full_match({cell.raw}, {literal(pattern)}) then {exact} end"


def minor_factor(currency: str, exponents: Mapping[str, int]) -> str:
    """Return the SQL of what one minor unit is worth; null for a currency that is not known."""
    arms = " ".join(
        f"when {one_of(currency, codes)} "
        f"then cast({'1' if exponent == 0 else '0.' + '0' * (exponent - 1) + '1'} "
        "as decimal(5, 4))"
        for exponent, codes in by_exponent(exponents)
    )
    return f"case {arms} end"


def one_of(expression: str, values: Iterable[str]) -> str:
    """Return the SQL of whether a text is one of several; null for null.

    Not `in (...)`: a long list of that becomes a join, and a join gives up the order of the file's
    rows, from which their lines are told.
    """
    return f"list_contains([{', '.join(literal(value) for value in values)}], {expression})"


def by_exponent(exponents: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
    """Yield the currencies of each number of digits."""
    for exponent in sorted(set(exponents.values())):
        yield exponent, sorted(code for code, digits in exponents.items() if digits == exponent)
