"""Published snapshots for a server of many readers: one engine a publication, shared by threads.

What belongs here: which publication is current, opening it once, letting an old one go, writing the
answer of a query to a file. What does not: what is asked (`console`, `orchestration.reading`).
Imported by the console; imports core, settings and the reader only.

A request pins one publication for as long as it works, so that two queries of one page never
straddle a swap. A publication that was replaced stays open until its pins are gone and a minute has
passed: a page that was just served may come back for its charts.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.core.errors import ReconError
from orchestration.settings import Settings
from orchestration.warehouse.connection import literal
from orchestration.warehouse.publisher import POINTER
from orchestration.warehouse.reader import NothingPublished, Published, open_published

THREADS = 2
MEMORY_LIMIT_MB = 1024
RETIRE_AFTER_SECONDS = 60.0
FETCHED_AT_ONCE = 2_000


class AnswerBroken(ReconError):
    """The answer of a query could not be written to its end."""


@dataclass(slots=True)
class _Held:
    """One open publication; `replaced_at` is None while it is the current one."""

    published: Published
    pins: int = 0
    replaced_at: float | None = None


@dataclass(slots=True)
class Snapshots:
    """The open publications of one home. Safe for threads.

    Attributes:
        settings: Names the home; its limits are replaced by those of a reader.
        scratch: The only folder that a query may write to; made if need be.
        clock: Seconds that only grow; given by tests.
    """

    settings: Settings
    scratch: Path
    clock: Callable[[], float] = time.monotonic
    _held: dict[Path, _Held] = field(default_factory=dict)
    _current: Path | None = None
    _stamp: tuple[int, int, int] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def pin(self) -> Iterator[Published]:
        """Yield what is published now; it does not change and stays open until the block ends.

        Raises:
            NothingPublished: No run has published in this home yet.
        """
        with self._lock:
            held = self._now()
            held.pins += 1
        try:
            yield held.published
        finally:
            with self._lock:
                held.pins -= 1

    def close(self) -> None:
        """Close every publication; safe to call twice."""
        with self._lock:
            for held in self._held.values():
                held.published.close()
            self._held.clear()
            self._current, self._stamp = None, None

    def open_count(self) -> int:
        """How many publications are held open."""
        with self._lock:
            return len(self._held)

    def _now(self) -> _Held:
        stamp = self._pointer_stamp()
        if stamp != self._stamp or self._current is None:
            self._swap(stamp)
        self._retire()
        if self._current is None:
            raise NothingPublished(f"Nothing is published in {self.settings.home} yet.")
        return self._held[self._current]

    def _pointer_stamp(self) -> tuple[int, int, int] | None:
        """What tells that the pointer was replaced, without reading it."""
        try:
            status = (self.settings.serving / POINTER).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _swap(self, stamp: tuple[int, int, int] | None) -> None:
        """Open what the pointer names now and let go of what it named before."""
        if stamp is None:
            raise NothingPublished(
                f"Nothing is published in {self.settings.home} yet: run `meshline run` first."
            )
        limited = replace(self.settings, threads=THREADS, memory_limit_mb=MEMORY_LIMIT_MB)
        published = open_published(limited)
        if published.path in self._held:
            published.close()
        else:
            self._confine(published)
            self._held[published.path] = _Held(published)
        for path, held in self._held.items():
            is_current = path == published.path
            held.replaced_at = None if is_current else (held.replaced_at or self.clock())
        self._current, self._stamp = published.path, stamp

    def _confine(self, published: Published) -> None:
        """No query reads or writes a file but its answers in the scratch folder."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        # A query that needs more memory than a reader has spills there, and does not fail.
        published.connection.execute(f"set temp_directory = {literal(str(self.scratch))}")
        published.connection.execute(f"set allowed_directories = [{literal(str(self.scratch))}]")
        published.connection.execute("set enable_external_access = false")
        published.connection.execute("set lock_configuration = true")

    def _retire(self) -> None:
        now = self.clock()
        gone = [
            path
            for path, held in self._held.items()
            if held.replaced_at is not None
            and held.pins == 0
            and now - held.replaced_at >= RETIRE_AFTER_SECONDS
        ]
        for path in gone:
            self._held.pop(path).published.close()


def write_answer(
    published: Published,
    sql: str,
    values: Mapping[str, Any],
    target: Path,
    form: Literal["csv", "parquet"],
) -> None:
    """Write the answer of a query to a file in the scratch folder, whatever its size.

    The engine writes it in pieces, so memory stays flat.
    """
    options = "format csv, header" if form == "csv" else "format parquet, compression zstd"
    cursor = published.cursor()
    try:
        cursor.execute(f"copy ({sql}) to {literal(str(target))} ({options})", dict(values))
    finally:
        cursor.close()


def pour_answer(published: Published, sql: str, descriptor: int) -> None:
    """Write the answer of a query as CSV without header into an open pipe, in pieces.

    An empty text is quoted and nothing is not, so that both arrive as what they are.

    Raises:
        AnswerBroken: The engine could not read, or whoever reads the pipe has gone.
    """
    cursor = published.cursor()
    try:
        cursor.execute(
            f"copy ({sql}) to '/dev/fd/{descriptor}' (format csv, header false, use_tmp_file false)"
        )
    except duckdb.Error as error:
        raise AnswerBroken(f"{published.path.name} could not be read: {error}") from error
    finally:
        cursor.close()


def stream_answer(
    published: Published, sql: str, values: Mapping[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield the column names of a query and then its rows, a few thousand in memory at a time."""
    cursor = published.cursor()
    try:
        result = cursor.execute(sql, dict(values))
        yield tuple(column[0] for column in result.description)
        while rows := result.fetchmany(FETCHED_AT_ONCE):
            yield from rows
    finally:
        cursor.close()


def text_columns(published: Published, sql: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the text columns of a query, in their order."""
    cursor = published.cursor()
    try:
        result = cursor.execute(sql, dict(values))
        return tuple(
            str(column[0])
            for column in result.description
            if str(column[1]).upper() in {"VARCHAR", "STRING"}
        )
    finally:
        cursor.close()


def columns_of(published: Published) -> dict[str, dict[str, str]]:
    """Return table -> column -> type of everything in schema `marts`."""
    found: dict[str, dict[str, str]] = {}
    for row in published.rows(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where schema_name = 'marts' order by table_name, column_index"
    ):
        found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    return found


def do_without_frames() -> None:
    """Keep this process from ever importing pandas, which DuckDB does at the first bound value.

    For a server: it binds values in many threads, where the reader's own guard does not work, and
    the import would cost the first visitor a second.
    """
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
