"""What a suite asks, as plain values.

What belongs here: the shapes of checks and suites, without Great Expectations, so that suites can
be built, read and tested in milliseconds. What does not: which checks a stream gets (that is
`source_suites`, `published_suites` and `handwritten`) and how they are run (`runner`).
Anyone in `expectations` may import this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestration.warehouse.connection import literal, quoted


class Severity(StrEnum):
    """What a failed check does to the run."""

    CRITICAL = "critical"
    """The run stops before anything is published."""
    WARNING = "warning"
    """The failing rows are kept; the run goes on."""
    INFO = "info"
    """Kept as data only."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """A predicate that each row must hold.

    Attributes:
        name: Snake case, unique in its suite; shown to people as the expectation.
        columns: Every column that the SQL below names.
        condition: SQL predicate. Unknown (null) counts as held: a missing value is judged by the
            contract, not here.
        reason: One sentence for people: what is wrong with a failing row, and what to do.
        expected: SQL expression; what would have been right. Empty: the condition as text.
        actual: SQL expression; what the row says. Empty: the columns with their values.
        severity: `critical` blocks at the first failing row.
        blocks_when_systemic: A `warning` that becomes `critical` when so many rows of one delivery
            fail that the sums of the stream would be wrong (shares in `source_plausibility.yml`).
    """

    name: str
    columns: tuple[str, ...]
    condition: str
    reason: str
    expected: str = ""
    actual: str = ""
    severity: Severity = Severity.WARNING
    blocks_when_systemic: bool = False

    @property
    def expected_sql(self) -> str:
        """SQL text expression of what would have been right."""
        return f"cast(({self.expected}) as varchar)" if self.expected else literal(self.condition)

    @property
    def actual_sql(self) -> str:
        """SQL text expression of what the row says."""
        if self.actual:
            return f"cast(({self.actual}) as varchar)"
        if len(self.columns) == 1:
            return f"cast({quoted(self.columns[0])} as varchar)"
        pairs = (
            f"{literal(name + '=')} || coalesce(cast({quoted(name)} as varchar), 'null')"
            for name in self.columns
        )
        return f"concat_ws(', ', {', '.join(pairs)})"


@dataclass(frozen=True, slots=True)
class AllowedValues:
    """A column that may hold only the listed values, or null."""

    column: str
    values: tuple[str, ...]
    severity: Severity = Severity.CRITICAL
    blocks_when_systemic: bool = False

    @property
    def name(self) -> str:
        """Shown to people as the expectation."""
        return f"{self.column}_in_allowed_values"

    @property
    def columns(self) -> tuple[str, ...]:
        """The judged column."""
        return (self.column,)

    @property
    def reason(self) -> str:
        """What is wrong with a failing row, and what to do."""
        return (
            f"{self.column} holds a value that its contract does not list: "
            "ask the source for the right value, or extend the contract."
        )

    @property
    def expected_sql(self) -> str:
        """SQL text expression of what would have been right."""
        return literal("one of " + ", ".join(self.values))

    @property
    def actual_sql(self) -> str:
        """SQL text expression of what the row says."""
        return f"cast({quoted(self.column)} as varchar)"


@dataclass(frozen=True, slots=True)
class ColumnTypes:
    """The columns that must be there, with their DuckDB types (empty: any); others may be too."""

    types: Mapping[str, str]
    severity: Severity = Severity.CRITICAL
    blocks_when_systemic: bool = False
    name: str = "columns_and_types"

    @property
    def columns(self) -> tuple[str, ...]:
        """The required columns."""
        return tuple(self.types)

    @property
    def reason(self) -> str:
        """What is wrong with a failing table, and what to do."""
        return (
            "The table lacks a column of its contract or holds it with another type: "
            "rebuild the warehouse from the archived files."
        )


Check = RowRule | AllowedValues | ColumnTypes


@dataclass(frozen=True, slots=True)
class RowNames:
    """How a failing row is named: SQL expressions over the judged rows, `null` where unknown.

    Attributes:
        key: What names the row to people, in order; parts that are null are left out.
        source: Its source.
        stream: Its stream, or the table for a mart.
        load_seq: The delivery that brought it.
        line: Its line in the file.
        recon_key: The order it belongs to.
        order_version_no: The version of that order.
        columns: Every column that these expressions name.
    """

    key: tuple[str, ...]
    stream: str
    source: str = "null"
    load_seq: str = "null"
    line: str = "null"
    recon_key: str = "null"
    order_version_no: str = "null"
    columns: tuple[str, ...] = ()

    @property
    def native_key(self) -> str:
        """SQL text expression of the key."""
        return f"concat_ws('/', {', '.join(self.key)})"


@dataclass(frozen=True, slots=True)
class Suite:
    """The checks of one table, and the rows of it that they judge.

    Attributes:
        name: `<source>.<stream>`, `raw.files` or `marts.<table>`.
        rows_sql: Select of the judged rows: one batch.
        rows_label: Which rows these are, in words.
        row_count: How many they are.
        names: How a failing row is named.
        checks: What is asked, each name once.
    """

    name: str
    rows_sql: str
    rows_label: str
    row_count: int
    names: RowNames
    checks: tuple[Check, ...]

    @property
    def batch_name(self) -> str:
        """Name of the temporary view that holds the judged rows."""
        return "batch__" + self.name.replace(".", "__")
