"""The staged form of a file that every reader produces: text cells under internal names.

What belongs here: what a reader hands over, and the limits under which DuckDB reads. What does
not: any one format. The loader imports this.

Untrusted bytes are parsed inside this process, not in one process a file: thousands of small files
a run would each pay a start-up. Instead memory is bounded by DuckDB's own limit, time by a
watchdog that interrupts the statement, and size by caps on what is unpacked, on lines, columns and
rows; the parser sees only the hashed copy, with every option spelled out and nothing detected.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import duckdb

from orchestration.warehouse.loader_faults import Refused

STAGE = "temp.main.stage"
_REJECTS = "line bigint, fault_id varchar, reason varchar, row_text varchar"


@dataclass(frozen=True, slots=True)
class Direct:
    """A file that DuckDB may read in one go, and what proves that it read every line as one row.

    Attributes:
        relation: SQL of a relation with the columns `c0`, `c1`, ...
        first_line: Line of the first row; rows follow without a gap.
        rows: Rows that there must be.
        inner_delimiters: Delimiters that there must be inside values.
        clean: No value can hold a control character.
    """

    relation: str
    first_line: int
    rows: int
    inner_delimiters: int
    clean: bool


@dataclass(frozen=True, slots=True)
class Staged:
    """A file as rows of text in `temp.main.stage`, columns `c0`, `c1`, ...

    Attributes:
        line_sql: Expression over the stage with the physical line of a row, from 1.
        rows: Rows staged.
        rejects: Rows that no cells could be read from; they stand in `temp.main.stage_rejects`.
        clean: No value can hold a control character.
    """

    line_sql: str
    rows: int
    rejects: int
    clean: bool


class Reader(Protocol):
    """One opened file of any format.

    Attributes:
        header: Names as the file gives them, by position of their cells; data, never SQL.
        separator: Decimal separator.
        delimiter: With which a rejected row is shown again.
    """

    @property
    def header(self) -> tuple[str, ...]:
        """Names by position."""

    @property
    def separator(self) -> str:
        """Decimal separator."""

    @property
    def delimiter(self) -> str:
        """Delimiter for showing a row."""

    def direct(self) -> Direct | None:
        """Return how DuckDB may read it in one go, if it may."""

    def stage(self, direct: Direct | None) -> Staged:
        """Stage it, exactly, or by a direct reading that is proved."""

    def close(self) -> None:
        """Remove work files."""


def cells(count: int) -> tuple[str, ...]:
    """Return the internal names of a number of columns."""
    return tuple(f"c{position}" for position in range(count))


def create_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table of rows that a reader could not split into cells, if it is not there."""
    connection.execute(f"create temp table if not exists stage_rejects ({_REJECTS})")


def drop_stage(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget the staged file."""
    connection.execute("drop view if exists temp.main.checked")
    for table in ("stage", "stage_rejects", "checked_rows", "rejected", "dropped", "known"):
        connection.execute(f"drop table if exists temp.main.{table}")


@contextmanager
def time_limit(connection: duckdb.DuckDBPyConnection, seconds: int) -> Iterator[None]:
    """Interrupt the connection's statement when the block takes longer; needs no other process.

    Raises:
        Refused: The time or the memory of the settings did not suffice (A15).
    """
    fired = threading.Event()

    def stop() -> None:
        fired.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        if not fired.is_set():
            raise KeyboardInterrupt from error
        raise Refused("A15", _too_slow(seconds)) from error
    except duckdb.OutOfMemoryException as error:
        if "No space left" in str(error):
            raise
        reason = "needs more memory than memory_limit_mb allows; deliver it in parts"
        raise Refused("A15", reason) from error
    finally:
        timer.cancel()


def _too_slow(seconds: int) -> str:
    return f"not read within {seconds} seconds (parse_timeout_seconds); deliver it in parts"


class Batcher:
    """Collects rows that Python has read and hands them to DuckDB in Arrow batches."""

    _BATCH_ROWS = 50_000
    _BATCH_BYTES = 32 << 20

    def __init__(self, connection: duckdb.DuckDBPyConnection, width: int, seconds: int) -> None:
        """Begin an empty stage of `width` text columns behind a column `line`."""
        self._connection = connection
        self._names: tuple[str, ...] = ("line", *cells(width))
        self._rows: list[tuple[int | str | None, ...]] = []
        self._rejects: list[tuple[int, str, str, str]] = []
        self._bytes = 0
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        self.row_count = 0
        self.reject_count = 0
        columns = "".join(f", {name} varchar" for name in cells(width))
        connection.execute(f"create or replace temp table stage (line bigint{columns})")
        create_rejects(connection)

    def widen(self, width: int) -> None:
        """Add columns until there are `width`; rows already taken have nothing there."""
        for name in cells(width)[len(self._names) - 1 :]:
            self._connection.execute(f"alter table temp.main.stage add column {name} varchar")
            self._names = (*self._names, name)

    def add(self, line: int, values: Sequence[str | None], size: int) -> None:
        """Stage one row."""
        self._rows.append((line, *values))
        self.row_count += 1
        self._bytes += size
        if len(self._rows) >= self._BATCH_ROWS or self._bytes >= self._BATCH_BYTES:
            self.flush()

    def reject(self, line: int, fault_id: str, reason: str, text: str) -> None:
        """Note one row that could not be read."""
        self._rejects.append((line, fault_id, reason, text))
        self.reject_count += 1
        self._bytes += len(text)
        if len(self._rejects) >= self._BATCH_ROWS or self._bytes >= self._BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand over what is collected.

        Raises:
            Refused: The time of the settings is over (A15).
        """
        if time.monotonic() > self._ends_at:
            raise Refused("A15", _too_slow(self._seconds))
        if self._rows:
            self._insert("stage", self._names, self._rows)
            self._rows = []
        if self._rejects:
            names = ("line", "fault_id", "reason", "row_text")
            self._insert("stage_rejects", names, self._rejects)
            self._rejects = []
        self._bytes = 0

    def _insert(
        self, table: str, names: tuple[str, ...], rows: Sequence[tuple[int | str | None, ...]]
    ) -> None:
        import pyarrow

        width = len(names)
        padded = [row + (None,) * (width - len(row)) for row in rows]
        types = [pyarrow.int64(), *[pyarrow.string()] * (len(names) - 1)]
        arrays = [
            pyarrow.array(column, type=data_type)
            for column, data_type in zip(zip(*padded, strict=True), types, strict=True)
        ]
        self._connection.register("batch", pyarrow.Table.from_arrays(arrays, list(names)))
        try:
            self._connection.execute(f"insert into temp.main.{table} select * from batch")
        finally:
            self._connection.unregister("batch")
