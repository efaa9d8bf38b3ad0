"""What the text of each column type looks like, and how it becomes a value: SQL expressions.

What belongs here: one pattern and one conversion a type. What does not: putting them together for
a stream (`loader_check`, `loader_sound`) and wording of reasons (`loader_reasons`). The loader
imports this.

A value is converted only after its text has matched the pattern of its type, so DuckDB's lenient
casts (blanks, exponents, underscores, silent rounding) never decide anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.core.contracts import RAW_TYPES, ColumnContract, ColumnType
from orchestration.warehouse.connection import literal

TEXT = r"[^\x00-\x08\x0b\x0c\x0e-\x1f]"
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
PLAIN = r"[^\x00-\x1f\x7f]"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_OFFSET = r"(?:Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])"
# Years outside 1990 to 2100 are not plausible; what is left is whether the day exists.
_DAY = r"(?:199[0-9]|20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}"

_NUMBER_DIGITS: Mapping[ColumnType, tuple[int, int]] = {
    ColumnType.RATE: (16, 12),
    ColumnType.QUANTITY: (12, 6),
    ColumnType.RATIO: (3, 6),
    ColumnType.INTEGER: (18, 0),
}
# One digit less than money columns hold, so that sums over a few of the largest amounts still fit:
# one absurd amount must not keep everybody else's figures from being published.
AMOUNT_DIGITS = 13
AMOUNT_SCALE = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """One contract column as a file presents it.

    Attributes:
        name: In the contract.
        column: What the contract says.
        source: Its internal column in the stage; None when the file does not have it.
        optional: A row may leave it empty.
    """

    name: str
    column: ColumnContract
    source: str | None
    optional: bool

    @property
    def raw(self) -> str:
        """SQL of the text; null where there is none, its default included."""
        default = self.column.default
        if self.source is None:
            return "cast(null as varchar)" if default is None else literal(default)
        inner = f"stage.{self.source}"
        return inner if default is None else f"coalesce({inner}, {literal(default)})"


def product_fits_sql(rate: str, quantity: str) -> str:
    """Return the SQL that is false where a price of a quantity comes to more than an amount holds.

    True where either is null: what a value lacks of its own is found by its own test.
    """
    fits = f"try(abs({quantity} * {rate}) < {10**AMOUNT_DIGITS})"
    return f"coalesce({fits}, {quantity} is null or {rate} is null)"


def escape_pattern(text: str) -> str:
    """Return a text as a pattern that matches it alone, in the dialect of DuckDB's patterns."""
    return "".join(
        char if char.isalnum() or ord(char) > 127 or char == "_" else f"\\x{{{ord(char):x}}}"
        for char in text
    )


def amount_pattern(scale: int, unit: str, separator: str) -> str:
    """Return the grammar of an amount with at most `scale` digits behind the separator."""
    if unit == "minor" or scale == 0:
        return f"-?[0-9]{{1,{AMOUNT_DIGITS}}}"
    return f"-?[0-9]{{1,{AMOUNT_DIGITS}}}(?:[{separator}][0-9]{{1,{scale}}})?"


def value_pattern(column: ColumnContract, separator: str) -> str:
    """Return the grammar of a value that is there; amounts and currencies have their own."""
    if column.allowed:
        return "(?:" + "|".join(escape_pattern(value) for value in column.allowed) + ")"
    if column.type in _NUMBER_DIGITS:
        whole, scale = _NUMBER_DIGITS[column.type]
        tail = f"(?:[{separator}][0-9]{{1,{scale}}})?" if scale else ""
        return f"-?[0-9]{{1,{whole}}}{tail}"
    return {
        ColumnType.ID: rf"{PLAIN}*[^\x00-\x20\x7f]{PLAIN}*",
        ColumnType.STRING: f"{TEXT}+",
        ColumnType.BOOLEAN: "(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])",
        ColumnType.DATE: rf"{_DAY}(?:[T ]00:00(?::00(?:\.0{{1,6}})?)?(?:Z|\+00:?00)?)?",
        ColumnType.TIMESTAMP: f"{_DAY}[T ]{_CLOCK}{_OFFSET}" + ("?" if column.timezone else ""),
        ColumnType.PERIOD: "(?:199[0-9]|20[0-9]{2}|2100)-(?:0[1-9]|1[0-2])",
        ColumnType.CURRENCY: "[A-Z]{3}",
        ColumnType.AMOUNT: amount_pattern(AMOUNT_SCALE, column.unit, separator),
    }[column.type]


def value_sql(cell: Cell, separator: str, minor_factor: str | None) -> str:
    """Return the SQL of a cell's value; null where its text cannot be converted.

    Args:
        cell: The column and where its text stands.
        separator: Decimal separator of the file.
        minor_factor: SQL of what one minor unit is worth, for amounts in minor units.
    """
    raw = cell.raw
    kind = cell.column.type
    if cell.source is None and cell.column.default is None:
        return f"cast(null as {RAW_TYPES[kind]})"
    if kind in (ColumnType.ID, ColumnType.STRING, ColumnType.CURRENCY, ColumnType.PERIOD):
        return raw
    number = raw if separator == "." else f"replace({raw}, '{separator}', '.')"
    if kind is ColumnType.AMOUNT and minor_factor is not None:
        return f"cast(try_cast({raw} as decimal(18, 0)) * {minor_factor} as decimal(18, 4))"
    if kind is ColumnType.RATE:
        return _rate_sql(number)
    return {
        ColumnType.AMOUNT: f"try_cast({number} as decimal(18, 4))",
        ColumnType.QUANTITY: f"try_cast({number} as decimal(18, 6))",
        ColumnType.RATIO: f"try_cast({number} as decimal(9, 6))",
        ColumnType.INTEGER: f"try_cast({number} as bigint)",
        ColumnType.BOOLEAN: f"(lower({raw}) = 'true')",
        ColumnType.DATE: f"try_cast(left({raw}, 10) as date)",
        ColumnType.TIMESTAMP: _timestamp_sql(raw, cell.column.timezone),
    }[kind]


def _rate_sql(number: str) -> str:
    """A cast to decimal(28,12) costs a hundred times one to decimal(18,6): take that if exact."""
    short = f"length({number}) <= 12 and position('.' in {number}) >= length({number}) - 6"
    return (
        f"case when {short} then cast(try_cast({number} as decimal(18, 6)) as decimal(28, 12)) "
        f"else try_cast({number} as decimal(28, 12)) end"
    )


def _timestamp_sql(raw: str, timezone: str | None) -> str:
    """UTC without zone. A cast to timestamp would drop the offset; the detour over µs keeps it."""
    whole = f"case when {raw}[17] = ':' then {raw} else {raw}[1:16] || ':00' || {raw}[17:] end"
    absolute = f"make_timestamp(epoch_us(try_cast({whole} as timestamptz)))"
    if timezone is None:
        return absolute
    local = f"timezone({literal(timezone)}, try_cast({raw} as timestamp))"
    return (
        f"case when {_has_offset(raw)} then {absolute} else make_timestamp(epoch_us({local})) end"
    )


def _has_offset(raw: str) -> str:
    signed = "in ('+', '-')"
    short = f"({raw}[-5] {signed} and length({raw}) > 16)"
    return f"({raw}[-1] = 'Z' or {raw}[-6] {signed} or {short})"


def exists_locally_sql(cell: Cell) -> str:
    """Return the SQL that is false for a local time that the clock change skipped."""
    zone = literal(cell.column.timezone or "UTC")
    local = f"try_cast({cell.raw} as timestamp)"
    return f"({_has_offset(cell.raw)} or timezone({zone}, timezone({zone}, {local})) = {local})"
