"""Reading and keeping the record of a run: its row of `ops.runs`, and its copy `last_run.json`.

What belongs here: the shape of the record and reading it. What does not: beginning and ending a
run (`orchestration.warehouse.runs`). Imported by defs and cli; imports core and settings only.

The copy lies beside the warehouse because nobody can open that while a run writes it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from orchestration.settings import Settings
from orchestration.warehouse.connection import reader
from orchestration.warehouse.durable import read_json, replace_json
from orchestration.warehouse.run_lock import current_holder

_RECORD_COLUMNS = (
    "run_no, run_id, as_of, started_at, finished_at, heartbeat_at, status, input_hash, message, "
    "cast(report as varchar)"
)


class RunStatus(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One row of `ops.runs`; moments are aware UTC, `report` is what the run said of itself."""

    run_no: int
    run_id: str
    as_of: datetime
    started_at: datetime
    finished_at: datetime | None
    heartbeat_at: datetime | None
    status: RunStatus
    input_hash: str | None
    message: str | None
    report: Mapping[str, Any]


def last_run(settings: Settings, *, now: datetime) -> RunRecord | None:
    """Return the latest run without opening the warehouse; None when there was none.

    A run that was killed has had nobody to record it: it reads as interrupted here as soon as its
    process is gone.
    """
    content = read_json(last_run_path(settings))
    if content is None:
        return None
    status = RunStatus(content["status"])
    if status is RunStatus.RUNNING and current_holder(settings, now=now) is None:
        status = RunStatus.INTERRUPTED
    return RunRecord(
        run_no=content["run_no"],
        run_id=content["run_id"],
        as_of=datetime.fromisoformat(content["as_of"]),
        started_at=datetime.fromisoformat(content["started_at"]),
        finished_at=_moment(content["finished_at"]),
        heartbeat_at=_moment(content["heartbeat_at"]),
        status=status,
        input_hash=content["input_hash"],
        message=content["message"],
        report=content["report"],
    )


def last_published(settings: Settings) -> RunRecord | None:
    """Return the latest run that published; None when none did. Opens the warehouse read-only."""
    if not settings.warehouse.exists():
        return None
    with reader(settings.warehouse) as connection:
        has_runs = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'ops' and table_name = 'runs'"
        ).fetchone()
        if has_runs is None or not has_runs[0]:
            return None
        row = connection.execute(
            "select max(run_no) from ops.runs where status = ?", [RunStatus.PUBLISHED]
        ).fetchone()
        return read_record(connection, row[0]) if row is not None and row[0] is not None else None


def read_record(connection: duckdb.DuckDBPyConnection, run_no: int) -> RunRecord:
    """Read one row of `ops.runs`."""
    row = connection.execute(
        f"select {_RECORD_COLUMNS} from ops.runs where run_no = ?", [run_no]
    ).fetchone()
    if row is None:
        raise LookupError(run_no)
    moments: list[Any] = [
        None if value is None else value.replace(tzinfo=UTC) for value in row[2:6]
    ]
    return RunRecord(
        run_no=row[0],
        run_id=row[1],
        as_of=moments[0],
        started_at=moments[1],
        finished_at=moments[2],
        heartbeat_at=moments[3],
        status=RunStatus(row[6]),
        input_hash=row[7],
        message=row[8],
        report=json.loads(row[9] or "{}"),
    )


def last_run_path(settings: Settings) -> Path:
    """The copy of the latest record that can be read while a run writes."""
    return settings.home / "last_run.json"


def write_last_run(settings: Settings, record: RunRecord) -> None:
    """Store the latest record beside the warehouse."""
    content = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(record).items()
    }
    replace_json(last_run_path(settings), content)


def _moment(text: str | None) -> datetime | None:
    """Read a stored moment."""
    return None if text is None else datetime.fromisoformat(text)
