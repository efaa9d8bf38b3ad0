"""Opening the warehouse file: one writer, many readers of copies.

What belongs here: how a connection is made and what it may do. What does not: any table but the
schemas that every part relies on. Everything under `warehouse` imports this.
"""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.core.errors import WarehouseBusy
from orchestration.settings import Settings

SCHEMAS = ("raw", "gates", "ops", "matching")


@contextmanager
def writer(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for writing; it is closed when the block ends, whatever happens.

    Time zone is UTC, memory and threads are those of the settings, work files go under the home,
    and no extension is ever fetched or loaded by itself.

    Raises:
        WarehouseBusy: Another process holds the file.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    spill = settings.scratch / "duckdb"
    spill.mkdir(parents=True, exist_ok=True)
    connection = _connect(
        settings.warehouse,
        {
            "memory_limit": f"{settings.memory_limit_mb}MiB",
            "threads": str(settings.threads),
            "temp_directory": str(spill),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        for schema in SCHEMAS:
            connection.execute(f'create schema if not exists "{schema}"')
        yield connection
    finally:
        connection.close()


@contextmanager
def reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open one DuckDB file read-only; for files that nobody writes, such as publications."""
    connection = duckdb.connect(str(path), read_only=True)
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def _connect(path: Path, config: dict[str, str]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=config)  # type: ignore[arg-type]
    except duckdb.IOException as error:
        if "set lock on" not in str(error):  # "block" stands in every report of damage
            raise
        msg = (
            f"{path} is held by another process; wait until its run has ended and try again "
            "(readers use the published copy in serving/)"
        )
        raise WarehouseBusy(msg) from error


def quoted(identifier: str) -> str:
    """Return an identifier of a contract as SQL; never called with text from a file."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal, for places where DuckDB takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """Return a path as an SQL literal that names this one file, whatever its characters.

    DuckDB expands `*`, `?` and `[` in a file name even when it is a parameter.
    """
    return literal(glob.escape(str(path)))
