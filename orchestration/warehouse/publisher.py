"""Publishing: the marts alone go to a new file, and then two names are swapped to it.

What belongs here: writing a generation, swapping pointer and symlink, keeping few generations.
What does not: deciding whether to publish (gates and checks do, before), and reading a publication
(`orchestration.warehouse.reader`). Imported by defs; imports core and settings only.

A file is built under a hidden name, checked, made durable and renamed; only then do the names move.
It is never opened for writing again, so a reader that holds it is undisturbed for ever, and one
process at a time writing the warehouse never meets a reader.
"""

import contextlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.core.errors import ReconError
from orchestration.settings import Settings
from orchestration.warehouse.connection import literal, quoted
from orchestration.warehouse.durable import (
    fsync_file,
    fsync_folder,
    read_json,
    replace_json,
    replace_symlink,
)
from orchestration.warehouse.knowledge import create_macros

MARTS = "marts"
POINTER = "current.json"
SYMLINK = "current.duckdb"
_GENERATION = re.compile(r"run_(\d+)\.duckdb")
_BUILDING_PREFIX = ".building_"
# Those that a mart has decide how its rows lie.
LAID_BY = ("batch_id", "recon_key", "match_id")
_LEFT_BY_DBT = ("__dbt_tmp", "__dbt_backup")


class PublishingFailed(ReconError):
    """The new publication could not be written or checked; the last good one stays in place."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What `serving/current.json` says.

    Attributes:
        file: Name of the published file, in the same folder.
        run_no: The run that published it.
        run_id: `run_<n>`.
        as_of: The moment that its models saw as now, aware UTC.
        tables: Row count of each table of schema `marts`.
    """

    file: str
    run_no: int
    run_id: str
    as_of: datetime
    tables: dict[str, int]


def publish(settings: Settings, run_no: int, *, only: Collection[str] | None = None) -> Path:
    """Publish the marts of the warehouse as the generation of a run.

    The caller holds the run lock and has closed its own connections. Safe to call again for the
    same run: a generation that is already there is not touched, only the names are swapped to it.

    Args:
        settings: Names the home and how many generations are kept.
        run_no: A run that `ops.runs` knows.
        only: Relations of schema `marts` to publish; None publishes all. One that is missing fails.

    Returns:
        The published file.

    Raises:
        PublishingFailed: Nothing to publish, counts that differ, disk full: nothing was swapped.
    """
    serving = settings.serving
    serving.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(serving)
    target = serving / f"run_{run_no}.duckdb"
    if target.exists():
        pointer = _describe(settings, target, run_no)
    else:
        building = serving / f"{_BUILDING_PREFIX}{target.name}"
        try:
            pointer = _build(settings, building, run_no, only)
            fsync_file(building)
            building.chmod(0o444)
            building.rename(target)
            fsync_folder(serving)
        except (duckdb.Error, OSError) as error:
            _remove_unfinished(serving)
            raise PublishingFailed(
                f"Run {run_no} could not be published to {serving}: {error}. "
                "The last good publication stays in place; mend the cause and run again."
            ) from error
        except PublishingFailed:
            _remove_unfinished(serving)
            raise
    _swap(settings, pointer)
    _remove_old_generations(settings, pointer)
    return target


def read_pointer(settings: Settings) -> Pointer | None:
    """Return what is published now; None when nothing is."""
    content = read_json(settings.serving / POINTER)
    if content is None:
        return None
    return Pointer(
        file=content["file"],
        run_no=content["run_no"],
        run_id=content["run_id"],
        as_of=datetime.fromisoformat(content["as_of"]),
        tables=content["tables"],
    )


def published_run_numbers(settings: Settings) -> tuple[int, ...]:
    """Run numbers of the generations that lie in `serving/`, lowest first."""
    if not settings.serving.is_dir():
        return ()
    names = (_GENERATION.fullmatch(path.name) for path in settings.serving.iterdir())
    return tuple(sorted(int(match[1]) for match in names if match is not None))


def settle_publication(settings: Settings) -> None:
    """Complete a swap that a kill cut in two, and remove what it left unfinished.

    The pointer is swapped first and is what counts; the symlink follows it. The caller holds the
    run lock. Safe to call at any time before a run.
    """
    if not settings.serving.is_dir():
        return
    _remove_unfinished(settings.serving)
    pointer = read_pointer(settings)
    if pointer is not None and _symlink_target(settings.serving) != pointer.file:
        replace_symlink(settings.serving / SYMLINK, pointer.file)


def _build(
    settings: Settings, building: Path, run_no: int, only: Collection[str] | None
) -> Pointer:
    """Copy every relation of the marts into a new file and compare the row counts."""
    source = settings.warehouse.stem
    with _warehouse_attached(settings) as connection:
        run_id, as_of = _identity_of_run(connection, source, run_no)
        names = _relations(connection, source, only)
        connection.execute(f"attach {literal(str(building))} as publication")
        connection.execute("begin")
        connection.execute(f"create schema publication.{MARTS}")
        tables = {}
        for name in names:
            original = f"{quoted(source)}.{MARTS}.{quoted(name)}"
            copy = f"publication.{MARTS}.{quoted(name)}"
            columns = _columns(connection, source, name)
            rows = laid_out(f"select * from {original}", columns)
            connection.execute(f"create table {copy} as {rows}")
            tables[name] = _checked_count(connection, name, original, copy)
        create_macros(connection, "publication")
        connection.execute("commit")
        connection.execute("checkpoint publication")
        connection.execute("detach publication")
    if building.with_name(f"{building.name}.wal").exists():
        raise PublishingFailed(
            f"{building.name} still has a write-ahead log after its checkpoint; nothing was "
            "published. Run again; if it happens again, the disk is not reliable."
        )
    return Pointer(f"run_{run_no}.duckdb", run_no, run_id, as_of, tables)


@contextlib.contextmanager
def _warehouse_attached(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine of its own with the warehouse attached read-only under its usual name.

    Views in the marts name their tables with the database's name, so the name has to be the same.
    """
    if not settings.warehouse.exists():
        raise PublishingFailed(
            f"There is no warehouse in {settings.home}: run `meshline run` first."
        )
    settings.scratch.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": str(settings.threads),
        "memory_limit": f"{settings.memory_limit_mb}MiB",
        "temp_directory": str(settings.scratch),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        name = quoted(settings.warehouse.stem)
        connection.execute(f"attach {literal(str(settings.warehouse))} as {name} (read_only)")
        yield connection


def _identity_of_run(
    connection: duckdb.DuckDBPyConnection, source: str, run_no: int
) -> tuple[str, datetime]:
    """Return id and moment of a run from the record of runs."""
    row = connection.execute(
        f"select run_id, as_of from {quoted(source)}.ops.runs where run_no = ?", [run_no]
    ).fetchone()
    if row is None:
        raise PublishingFailed(
            f"Run {run_no} is not in the record of runs of this warehouse; nothing was published."
        )
    return row[0], row[1].replace(tzinfo=UTC)


def _relations(
    connection: duckdb.DuckDBPyConnection, source: str, only: Collection[str] | None
) -> tuple[str, ...]:
    """Return the names of the marts to publish, in alphabetical order."""
    rows = connection.execute(
        "select table_name from duckdb_tables() "
        "where database_name = $source and schema_name = $schema "
        "union all "
        "select view_name from duckdb_views() "
        "where database_name = $source and schema_name = $schema and not internal "
        "order by 1",
        {"source": source, "schema": MARTS},
    ).fetchall()
    names = tuple(row[0] for row in rows if not row[0].endswith(_LEFT_BY_DBT))
    if only is None and not names:
        raise PublishingFailed("Schema marts of the warehouse is empty; nothing was published.")
    if only is None:
        return names
    missing = sorted(set(only) - set(names))
    if missing:
        raise PublishingFailed(
            f"The warehouse lacks these marts: {', '.join(missing)}; nothing was published. "
            "Their models were not built: look for the failed step above."
        )
    return tuple(name for name in names if name in set(only))


def laid_out(query: str, columns: Sequence[str]) -> str:
    """Return the query with its rows in the order in which a publication keeps them.

    What belongs to one order, or to one settlement batch, lies together: a reader that wants one
    order of a million reads a few thousand rows of each table, as the engine knows the least and
    greatest key of each piece.
    """
    keys = [quoted(name) for name in LAID_BY if name in columns]
    return f"{query} order by {', '.join(keys)}" if keys else query


def _columns(connection: duckdb.DuckDBPyConnection, source: str, relation: str) -> tuple[str, ...]:
    """The names of the columns of a mart."""
    rows = connection.execute(
        "select column_name from duckdb_columns() where database_name = ? and schema_name = ? "
        "and table_name = ? order by column_index",
        [source, MARTS, relation],
    ).fetchall()
    return tuple(row[0] for row in rows)


def _checked_count(
    connection: duckdb.DuckDBPyConnection, name: str, original: str, copy: str
) -> int:
    """Return the row count of a copied relation; refuse one that differs from its original."""
    row = connection.execute(
        f"select (select count(*) from {original}), (select count(*) from {copy})"
    ).fetchone()
    if row is None or row[0] != row[1]:
        raise PublishingFailed(f"marts.{name} and its copy differ in row count: {row}.")
    return int(row[1])


def _describe(settings: Settings, target: Path, run_no: int) -> Pointer:
    """Return the pointer to a generation that was finished before its names were swapped."""
    with _warehouse_attached(settings) as connection:
        run_id, as_of = _identity_of_run(connection, settings.warehouse.stem, run_no)
        connection.execute(f"attach {literal(str(target))} as publication (read_only)")
        tables = {}
        for name in _relations(connection, "publication", None):
            row = connection.execute(
                f"select count(*) from publication.{MARTS}.{quoted(name)}"
            ).fetchone()
            tables[name] = int(row[0]) if row is not None else 0
    return Pointer(target.name, run_no, run_id, as_of, tables)


def _swap(settings: Settings, pointer: Pointer) -> None:
    """Point both names at a generation, the pointer file first."""
    content = {
        "file": pointer.file,
        "run_no": pointer.run_no,
        "run_id": pointer.run_id,
        "as_of": pointer.as_of.isoformat(),
        "tables": pointer.tables,
    }
    replace_json(settings.serving / POINTER, content)
    replace_symlink(settings.serving / SYMLINK, pointer.file)


def _remove_old_generations(settings: Settings, pointer: Pointer) -> None:
    """Keep the newest generations; readers that hold a removed file keep it until they close it."""
    kept = set(published_run_numbers(settings)[-max(1, settings.keep_generations) :])
    kept.add(pointer.run_no)
    for number in published_run_numbers(settings):
        if number not in kept:
            (settings.serving / f"run_{number}.duckdb").unlink(missing_ok=True)


def _remove_unfinished(serving: Path) -> None:
    """Remove what a killed publication left under hidden names."""
    for path in serving.glob(f"{_BUILDING_PREFIX}*"):
        path.unlink(missing_ok=True)


def _symlink_target(serving: Path) -> str | None:
    """The file name that the symlink holds."""
    link = serving / SYMLINK
    return str(link.readlink()) if link.is_symlink() else None
