"""Reading the published marts: one generation, pinned for as long as it is open.

What belongs here: finding and opening what is published. What does not: the warehouse that a run
writes, which nobody reads, and what the figures mean. Imported by defs, cli and the console;
imports core and settings only.
"""

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from orchestration.core.errors import ReconError
from orchestration.settings import Settings
from orchestration.warehouse.publisher import Pointer, read_pointer

_ATTEMPTS = 20
_PAUSE_SECONDS = 0.05


class NothingPublished(ReconError):
    """There is no publication to read yet, or the one that the pointer names is gone."""


class OtherVersion(NothingPublished):
    """What is published lacks a table or a column that this version of Meshline reads."""


@dataclass(frozen=True, slots=True)
class Published:
    """One publication, open for reading; later publications do not change what it shows.

    Attributes:
        path: The published file.
        run_no: The run that published it.
        run_id: `run_<n>`.
        as_of: The moment that its models saw as now, aware UTC.
        tables: Row count of each table of schema `marts`.
        connection: Read-only; for threads, take a `cursor()` each.
    """

    path: Path
    run_no: int
    run_id: str
    as_of: datetime
    tables: Mapping[str, int]
    connection: duckdb.DuckDBPyConnection

    def rows(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> tuple[dict[str, Any], ...]:
        """Return the result of a query, one mapping of column names a row; amounts are Decimal.

        Raises:
            OtherVersion: The publication lacks what the query reads.
        """
        cursor = self.connection.cursor()
        try:
            with _frames_out_of_sight():
                result = cursor.execute(sql, parameters)
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            what = str(error).splitlines()[0]
            raise OtherVersion(
                f"What is published was written by another version of Meshline ({what}). "
                "Run `meshline run` with your landing folder: it publishes anew."
            ) from error
        else:
            names = [column[0] for column in result.description]
            return tuple(dict(zip(names, row, strict=True)) for row in result.fetchall())
        finally:
            cursor.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same publication, for another thread."""
        return self.connection.cursor()

    def close(self) -> None:
        """Let the publication go; safe to call twice."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_published(settings: Settings) -> Published:
    """Open what is published now.

    Never waits for a run and never disturbs one. Between reading the pointer and opening its file,
    so many runs may publish that the file is removed: then the pointer is read again.

    Raises:
        NothingPublished: No run has published in this home yet.
    """
    for _ in range(_ATTEMPTS):
        pointer = read_pointer(settings)
        if pointer is None:
            raise NothingPublished(
                f"Nothing is published in {settings.home} yet: run `meshline run` first."
            )
        path = settings.serving / pointer.file
        if path.exists():
            try:
                return _open(path, pointer, settings)
            except duckdb.IOException:
                if path.exists():
                    raise
        time.sleep(_PAUSE_SECONDS)
    raise NothingPublished(
        f"{settings.serving} names a publication whose file is gone. "
        "Run `meshline run --full-refresh` to publish anew."
    )


def _open(path: Path, pointer: Pointer, settings: Settings) -> Published:
    """Open one published file read-only."""
    connection = duckdb.connect(
        str(path),
        read_only=True,
        config={
            "threads": str(settings.threads),
            "memory_limit": f"{settings.memory_limit_mb}MiB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("set TimeZone = 'UTC'")
    return Published(
        path=path,
        run_no=pointer.run_no,
        run_id=pointer.run_id,
        as_of=pointer.as_of,
        tables=pointer.tables,
        connection=connection,
    )


@contextmanager
def _frames_out_of_sight() -> Iterator[None]:
    """Let DuckDB bind values while pandas cannot be found.

    With bound values DuckDB imports pandas, to see whether one of them is a frame. That takes a
    second, which every reading command would pay for nothing: no value here is ever a frame.
    Not done beside other threads, which may be importing it.
    """
    if "pandas" in sys.modules or threading.active_count() > 1:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["pandas"]
