"""A home with small marts that carry their run number, and the processes that read and write it.

Started as `python -m tests.integration.publishing <role> <home> ...` by the tests of publishing.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.core.errors import WarehouseBusy
from orchestration.settings import Settings
from orchestration.warehouse.connection import writer
from orchestration.warehouse.publisher import SYMLINK, publish
from orchestration.warehouse.reader import open_published
from orchestration.warehouse.runs import RunStatus, begin_run, finish_run, run_lock

TABLES = ("fct_orders", "fct_order_legs", "fct_matches", "fct_exceptions", "run_fingerprints")
VIEW = "role_finance"
ROWS = 2000


def home_settings(home: Path) -> Settings:
    """Settings of a home whose landing is not used."""
    return Settings(home=home, landing=home / "landing", memory_limit_mb=512)


def build_marts(settings: Settings, run_no: int) -> None:
    """Rebuild the marts one by one, as dbt does: between two statements they are of two runs."""
    with writer(settings) as connection:
        connection.execute("create schema if not exists marts")
        for name in TABLES:
            connection.execute(
                f"create or replace table marts.{name} as "
                f"select cast({run_no} as bigint) as run_no, range as row_no, "
                f"cast(1.5 as decimal(18, 4)) as amount from range({ROWS + run_no})"
            )
        connection.execute(
            f"create or replace view marts.{VIEW} as "
            f'select run_no, row_no from "{settings.warehouse.stem}".marts.fct_orders '
            "where row_no < 10"
        )


def one_run(settings: Settings) -> int:
    """Make one whole run: record, marts, publication."""
    with run_lock(settings) as lock:
        run = begin_run(settings, lock, as_of=None)
        build_marts(settings, run.run_no)
        publish(settings, run.run_no)
        finish_run(settings, run, RunStatus.PUBLISHED)
    return run.run_no


def runs_seen(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """The run numbers of all relations, read one by one as a page with several panels does."""
    seen: set[int] = set()
    for name in (*TABLES, VIEW):
        seen |= {
            row[0]
            for row in connection.execute(f"select distinct run_no from marts.{name}").fetchall()
        }
    return seen


def _by_pointer(settings: Settings) -> set[int]:
    with open_published(settings) as published:
        seen = runs_seen(published.connection)
        return seen | {published.run_no}


def _by_symlink(settings: Settings) -> set[int]:
    with duckdb.connect(str(settings.serving / SYMLINK), read_only=True) as connection:
        return runs_seen(connection)


def read_in_a_loop(settings: Settings, how: str, ready: Path, stop: Path) -> dict[str, object]:
    """Read until told to stop; count what must not happen."""
    read: Callable[[Settings], set[int]] = {
        "pointer": _by_pointer,
        "symlink": _by_symlink,
        "holding": _by_pointer,
        "holding-symlink": _by_symlink,
    }[how]
    held = None
    if how == "holding":
        held = open_published(settings).connection
    if how == "holding-symlink":
        held = duckdb.connect(str(settings.serving / SYMLINK), read_only=True)
    held_run = runs_seen(held) if held is not None else set()
    latest: list[int] = []
    problems: list[str] = []
    reads = 0
    ready.touch()
    while True:
        is_last = stop.exists()
        try:
            seen = read(settings)
            if held is not None and runs_seen(held) != held_run:
                problems.append("the pinned generation changed")
        except Exception as error:  # noqa: BLE001 -- every kind of error is what the test is about
            problems.append(f"{type(error).__name__}: {error}")
            seen = set()
        reads += 1
        if len(seen) > 1:
            problems.append(f"mixture of runs {sorted(seen)}")
        if seen and min(seen) not in latest[-1:]:
            latest.append(min(seen))
        if is_last:
            return {"reads": reads, "problems": problems, "runs": latest}


def main() -> None:
    """Play one role."""
    role, home, *rest = sys.argv[1:]
    settings = home_settings(Path(home))
    if role == "read":
        how, ready, stop = rest
        result = read_in_a_loop(settings, how, Path(ready), Path(stop))
        sys.stdout.write(json.dumps(result))
    elif role == "publish-for-ever":
        sys.modules["pandas"] = None  # type: ignore[assignment]  # its import is not worth a kill
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            one_run(settings)
    elif role == "hold":
        with run_lock(settings, heartbeat_seconds=0.05):
            sys.stdout.write("held\n")
            sys.stdout.flush()
            time.sleep(60)
    elif role == "race":
        go = Path(rest[0])
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not go.exists():
            time.sleep(0.001)
        try:
            with run_lock(settings):
                time.sleep(1)
                sys.stdout.write("won")
        except WarehouseBusy:
            sys.stdout.write("refused")


if __name__ == "__main__":
    main()
