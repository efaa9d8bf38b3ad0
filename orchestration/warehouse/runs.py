"""Beginning and ending a run: its number, its moment, and its row of `ops.runs`.

What belongs here: opening and closing the record of a run; the other names of the bookkeeping of
runs can be imported from here too. What does not: the lock itself
(`orchestration.warehouse.run_lock`), reading records (`orchestration.warehouse.run_records`), and
what a run does.
Imported by defs and cli; imports core and settings only.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from orchestration.core.errors import ReconError, UsageRefused, WarehouseBusy
from orchestration.settings import Settings
from orchestration.warehouse.connection import writer
from orchestration.warehouse.durable import read_json
from orchestration.warehouse.publisher import published_run_numbers, settle_publication
from orchestration.warehouse.run_lock import (
    Clock,
    Holder,
    RunLock,
    current_holder,
    run_lock,
    utc_now,
)
from orchestration.warehouse.run_records import (
    RunRecord,
    RunStatus,
    last_published,
    last_run,
    last_run_path,
    read_record,
    write_last_run,
)

__all__ = [
    "Clock",
    "Holder",
    "Run",
    "RunLock",
    "RunRecord",
    "RunStatus",
    "begin_run",
    "current_holder",
    "finish_run",
    "last_published",
    "last_run",
    "run_lock",
    "utc_now",
]

ORPHAN_SECONDS = 10.0

_HOW_TO_REBUILD = (
    "To rebuild it, move it away together with its .wal and run again with all extracts in the "
    "landing folder; what is published stays readable meanwhile."
)
_CREATE_RUNS = """
create table if not exists ops.runs (
    run_no bigint not null,
    run_id varchar not null,
    as_of timestamp not null,
    started_at timestamp not null,
    finished_at timestamp,
    heartbeat_at timestamp,
    status varchar not null,
    input_hash varchar,
    message varchar,
    report json
)
"""


class WarehouseDamaged(ReconError):
    """The warehouse file cannot be read, or it is not the one that the last run left."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun.

    Attributes:
        run_no: Higher than that of every run before in this home, also after the warehouse was
            deleted and rebuilt.
        run_id: `run_<n>`.
        as_of: The moment that its models see as now, aware UTC.
        started_at: Wall clock, aware UTC.
        interrupted: Numbers of earlier runs that were found killed and are marked so now.
    """

    run_no: int
    run_id: str
    as_of: datetime
    started_at: datetime
    interrupted: tuple[int, ...] = ()


def begin_run(
    settings: Settings, lock: RunLock, *, as_of: datetime | None = None, clock: Clock = utc_now
) -> Run:
    """Open the record of a new run, and close those of runs that were killed.

    A run still called running while this process holds the lock cannot be: its process died. It is
    marked interrupted with its last sign of life; a publication that it left half swapped is
    completed to the state that its pointer names.

    Args:
        settings: Names the home.
        lock: Proof that no other run is active here.
        as_of: The moment asked for, aware UTC. None takes the clock's, or just after the last run's
            when the clock stands before it (it was set back).
        clock: Returns aware UTC.

    Raises:
        WarehouseBusy: A process without the lock keeps the warehouse open.
        WarehouseDamaged: It cannot be read, or lacks what an earlier run had finished.
        UsageRefused: `as_of` lies before that of an earlier run of this home.
    """
    settle_publication(settings)
    _await_warehouse(settings)
    now = clock()
    with writer(settings) as connection:
        connection.execute(_CREATE_RUNS)
        _refuse_lost_writes(settings, connection)
        latest = _latest_as_of(connection)
        if as_of is not None and latest is not None and as_of < latest:
            raise UsageRefused(
                f"--as-of {as_of:%Y-%m-%d %H:%M:%S} lies before the last run of {settings.home} "
                f"({latest:%Y-%m-%d %H:%M:%S} UTC), which has loaded rows observed since. "
                "To rebuild what was known then, use an empty home: --home DIR."
            )
        if as_of is None:
            as_of = now if latest is None else max(now, latest + timedelta(microseconds=1))
        interrupted = _mark_interrupted(connection, lock.predecessor)
        run_no = 1 + max([_highest_run_no(connection), *_run_numbers_outside(settings)])
        run = Run(run_no, f"run_{run_no}", as_of, now, interrupted)
        connection.execute(
            "insert into ops.runs (run_no, run_id, as_of, started_at, heartbeat_at, status) "
            "values (?, ?, ?, ?, ?, ?)",
            [run_no, run.run_id, _naive(as_of), _naive(now), _naive(now), RunStatus.RUNNING],
        )
        record = read_record(connection, run_no)
    write_last_run(settings, record)
    return run


def finish_run(
    settings: Settings,
    run: Run,
    status: RunStatus,
    *,
    message: str = "",
    input_hash: str | None = None,
    report: Mapping[str, Any] | None = None,
    clock: Clock = utc_now,
) -> RunRecord:
    """Close the record of a run; safe to call twice, the last call wins.

    Args:
        settings: Names the home.
        run: What `begin_run` returned.
        status: How it ended.
        message: One sentence for people; empty when all went well.
        input_hash: Names everything that decides the run's result.
        report: Counts for people, representable as JSON.
        clock: Returns aware UTC.
    """
    now = _naive(clock())
    with writer(settings) as connection:
        connection.execute(
            "update ops.runs set status = ?, finished_at = ?, heartbeat_at = ?, message = ?, "
            "input_hash = ?, report = ? where run_no = ?",
            [
                status,
                now,
                now,
                message,
                input_hash,
                json.dumps(dict(report or {}), default=str),
                run.run_no,
            ],
        )
        record = read_record(connection, run.run_no)
    write_last_run(settings, record)
    return record


def _await_warehouse(settings: Settings) -> None:
    """Give the children of a killed run a few seconds to follow it and let the warehouse go."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            with writer(settings):
                return
        except WarehouseBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        except duckdb.Error as error:
            raise WarehouseDamaged(
                f"{settings.warehouse} cannot be opened: {error}. {_HOW_TO_REBUILD}"
            ) from error


def _refuse_lost_writes(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Compare the warehouse with the copy of the last record, which is written after it.

    DuckDB opens a file whose log was cut or left behind without a word, with fewer rows. The record
    of a run is the last thing written, so when that is there, so is everything before it. A
    warehouse without any run was deleted on purpose.
    """
    last = read_json(last_run_path(settings))
    if last is None or _highest_run_no(connection) == 0:
        return
    row = connection.execute(
        "select status, finished_at is not null from ops.runs where run_no = ?", [last["run_no"]]
    ).fetchone()
    known = (last["status"], last["finished_at"] is not None)
    if row is None or (known != row and last["status"] != RunStatus.RUNNING):
        raise WarehouseDamaged(
            f"{settings.warehouse} lacks what {last['run_id']} had written: its log was cut or "
            "left behind, or an older copy was put in its place. Put the right file back with "
            f"its .wal, if there is one. {_HOW_TO_REBUILD}"
        )


def _latest_as_of(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """The latest moment that any run of this warehouse took as now."""
    row = connection.execute("select max(as_of) from ops.runs").fetchone()
    return row[0].replace(tzinfo=UTC) if row is not None and row[0] is not None else None


def _highest_run_no(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the last run in the record, 0 when there is none."""
    row = connection.execute("select coalesce(max(run_no), 0) from ops.runs").fetchone()
    return int(row[0]) if row is not None else 0


def _run_numbers_outside(settings: Settings) -> tuple[int, ...]:
    """Run numbers that exist outside the warehouse: it may have been deleted since."""
    content = read_json(last_run_path(settings))
    recorded = (int(content["run_no"]),) if content is not None else ()
    return (*published_run_numbers(settings), *recorded)


def _mark_interrupted(
    connection: duckdb.DuckDBPyConnection, predecessor: Holder | None
) -> tuple[int, ...]:
    """Close the records of runs that died; return their numbers."""
    heartbeat_at = _naive(predecessor.heartbeat_at) if predecessor is not None else None
    process = f"process {predecessor.pid}" if predecessor is not None else "its process"
    rows = connection.execute(
        "update ops.runs set status = ?, heartbeat_at = coalesce(?, heartbeat_at), message = ? "
        "where status = ? returning run_no",
        [
            RunStatus.INTERRUPTED,
            heartbeat_at,
            f"Killed before it ended ({process} is gone); the next run does its work again.",
            RunStatus.RUNNING,
        ],
    ).fetchall()
    return tuple(sorted(int(row[0]) for row in rows))


def _naive(moment: datetime) -> datetime:
    """The same moment as the warehouse stores it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
