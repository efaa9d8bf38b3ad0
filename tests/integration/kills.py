"""Killing runs at drawn moments, and comparing what comes of it with a home that was never killed.

What belongs here: the plan of kills, carrying it out, and reading what a home holds afterwards.
What does not: how many kills are enough (`test_kill.py`). Only tests import this.

Several kills hit one home in a row, so that each starts from what the one before left behind; then
one run is left alone. A moment is drawn within a step of the run: the step begins when the line of
the step before it appears, and lasts about as long as it did in the home that was never killed.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.session import Step
from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published
from tests.integration.warm_start import ROOT, WarmStarter

STEPS = tuple(Step)
# Where the kills of one home are meant to hit; loading comes first, while there is something new.
CHAIN = (*[Step.INGEST] * 14, Step.SOURCE_GATE, *[Step.PHASE_1] * 3, *[Step.PHASE_2] * 2)
LAST = (Step.PUBLISHED_GATE, Step.PHASE_2, Step.PUBLISH, Step.PHASE_1)
AS_OF = "2026-07-01T00:00:00Z"
LONGEST_RUN_SECONDS = 600
# The events of a killed run name that run, so they are never those of another home.
AUDIT = "fct_audit_events"
Fingerprints = dict[str, tuple[int, str]]


@dataclass(slots=True)
class Outcome:
    """What a chain of kills came to.

    Attributes:
        kills: For each kill that hit a living run, the step it hit.
        fingerprints: Of the marts that the last run published, by table.
        rows: Row count of each raw table at the end.
        knows_tickets: Whether the last run knew tickets that a killed one had opened.
        problems: What a home must never show, in words.
    """

    kills: list[Step] = field(default_factory=list)
    fingerprints: Fingerprints = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    knows_tickets: bool = False
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started: its process, and where its output and exit code appear."""

    pid: int
    output: Path
    has_ended: Callable[[], bool]

    def steps_done(self) -> tuple[Step, ...]:
        """The steps that have ended so far."""
        lines = self.output.read_text(errors="replace") if self.output.exists() else ""
        found = re.findall(r"(?m)^(?:done|FAILED)\s+[\d.]+ s  (.+?)(?::.*)?\n", lines)
        return tuple(Step(name) for name in found)


def start_run(
    home: Path, landing: Path, output: Path, starter: WarmStarter | None, *options: str
) -> Started:
    """Start `meshline run`; without a starter as a process of its own from the very beginning."""
    arguments = ["run", "--home", str(home), "--landing", str(landing), "--as-of", AS_OF, *options]
    Path(f"{output}.code").unlink(missing_ok=True)
    output.unlink(missing_ok=True)
    if starter is not None:
        pid = starter.start(arguments, output)
        return Started(pid, output, lambda: not _is_alive(pid))
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            stdout=stream,
            stderr=stream,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            start_new_session=True,
        )
    return Started(process.pid, output, lambda: process.poll() is not None)


def run_undisturbed(
    home: Path, landing: Path, starter: WarmStarter, *options: str
) -> dict[Step, float]:
    """Make one whole run, which has to end well; return the seconds until each step's end."""
    run = start_run(home, landing, home.with_suffix(".out"), starter, *options)
    begun = time.monotonic()
    ends: dict[Step, float] = {}
    while not run.has_ended():
        passed = time.monotonic() - begun
        assert passed < LONGEST_RUN_SECONDS, f"no end in sight: {run.output.read_text()}"
        ends = {step: ends.get(step, passed) for step in run.steps_done()}
        time.sleep(0.05)
    code = Path(f"{run.output}.code")
    assert code.exists(), f"died: {run.output.read_text()}"
    assert code.read_text() == "0", run.output.read_text()
    return {**ends, STEPS[-1]: time.monotonic() - begun}


def seconds_of_steps(ends: dict[Step, float]) -> dict[Step, float]:
    """Return how long each step took, with what came between it and the step before."""
    begins = [0.0, *(ends[step] for step in STEPS[:-1])]
    return {step: ends[step] - begin for step, begin in zip(STEPS, begins, strict=True)}


def kill_within(run: Started, step: Step, seconds: float) -> Step | None:
    """Kill a run some seconds after a step began; return the step it hit, None when too late."""
    before = STEPS[STEPS.index(step) - 1] if step is not STEPS[0] else None
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    while before is not None and before not in run.steps_done() and not run.has_ended():
        assert time.monotonic() < deadline, f"no end in sight: {run.output.read_text()}"
        time.sleep(0.01)
    time.sleep(seconds)
    done = run.steps_done()
    if run.has_ended():
        return None
    os.kill(run.pid, signal.SIGKILL)
    while not run.has_ended():
        time.sleep(0.005)
    return next((one for one in STEPS if one not in done), STEPS[-1])


def kill_in_a_row(
    home: Path,
    landing: Path,
    starter: WarmStarter,
    *,
    seed: int,
    durations: dict[Step, float],
    plan: Sequence[Step] = CHAIN,
    cold: int = 0,
) -> Outcome:
    """Kill runs of one home one after the other, then let one run to its end.

    Args:
        home: A folder that does not exist yet, or the state that an earlier run left.
        landing: What every run reads.
        starter: Starts the runs.
        seed: Draws the moments; the same seed draws the same ones.
        durations: Seconds of each step, from `seconds_of_steps` of an undisturbed run.
        plan: The step that each kill is meant for.
        cold: So many of the kills hit a process that has imported nothing before.
    """
    draw = random.Random(seed)
    outcome = Outcome()
    for number, step in enumerate(plan):
        run = start_run(home, landing, home.with_suffix(".out"), None if number < cold else starter)
        hit = kill_within(run, step, draw.uniform(0.0, 0.8 * durations[step]))
        outcome.kills += [hit] if hit is not None else []
        if hit is Step.INGEST:
            outcome.problems += problems_of_load(home)
        outcome.problems += problems_of_publication(home)
    run_undisturbed(home, landing, starter)
    outcome.problems += problems_of_load(home)
    outcome.problems += [f"still running: {name}" for name in left_behind(home)]
    outcome.fingerprints = fingerprints_of(home)
    outcome.rows = raw_rows_of(home)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        events = connection.execute("select count(*) from raw.ledger_events").fetchone()
    outcome.knows_tickets = events[0] > 0
    return outcome


def fingerprints_of(home: Path) -> Fingerprints:
    """Return count and fingerprint of each mart of the last publication but the ledger's own."""
    with open_published(load_settings(home)) as published:
        rows = published.rows(
            "select table_name, row_count, fingerprint from marts.run_fingerprints "
            "where run_id = ?",
            [published.run_id],
        )
    return {
        row["table_name"]: (row["row_count"], row["fingerprint"])
        for row in rows
        if row["table_name"] != AUDIT
    }


def raw_rows_of(home: Path) -> dict[str, int]:
    """Return how many rows each raw table holds; the warehouse is not in use.

    The events of the ledger are left out: a run tells it of its tickets before it publishes, so
    the run after a killed one knows what an undisturbed first run cannot know yet.
    """
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() "
            "where schema_name = 'raw' and table_name <> 'ledger_events' order by 1"
        ).fetchall()
        return {
            name: connection.execute(f'select count(*) from raw."{name}"').fetchone()[0]
            for (name,) in names
        }


def problems_of_load(home: Path) -> list[str]:
    """Return every file of which some rows are there and some are not.

    Reads a copy: opening the warehouse replays its log, which is for the next run to do.
    """
    if not (home / "warehouse.duckdb").exists():
        return []
    copy = home.with_suffix(".copy")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in home.glob("warehouse.duckdb*"):
        shutil.copy(path, copy)
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        tables = connection.execute(
            "select table_name from duckdb_columns() "
            "where schema_name = 'raw' and column_name = '_load_seq'"
        ).fetchall()
        has_files = connection.execute(
            "select count(*) from duckdb_tables() "
            "where schema_name = 'raw' and table_name = 'files'"
        ).fetchone()
        if not has_files[0]:
            return []
        found = {}
        for (table,) in tables:
            rows = connection.execute(
                f'select _load_seq, count(*) from raw."{table}" where _line is not null group by 1'
            ).fetchall()
            found.update(dict(rows))
        promised = dict(
            connection.execute(
                "select load_seq, rows_loaded from raw.files where rows_loaded > 0"
            ).fetchall()
        )
        unbalanced = connection.execute(
            "select file_name from raw.files where status = 'loaded' "
            "and rows_read <> rows_loaded + rows_duplicate + rows_rejected"
        ).fetchall()
    return [f"{name} is unbalanced" for (name,) in unbalanced] + [
        f"delivery {key}: {found.get(key, 0)} rows stored, {promised.get(key, 0)} recorded"
        for key in sorted(found.keys() | promised.keys())
        if found.get(key, 0) != promised.get(key, 0)
    ]


def problems_of_publication(home: Path) -> list[str]:
    """Return what is wrong with what readers see; nothing published yet is fine."""
    if not (home / "serving" / "current.json").exists():
        return []
    with open_published(load_settings(home)) as published:
        counts = {
            name: published.rows(f'select count(*) as n from marts."{name}"')[0]["n"]
            for name in published.tables
        }
    return [] if counts == dict(published.tables) else [f"published counts differ: {counts}"]


def left_behind(home: Path, patience_seconds: float = 5.0) -> list[str]:
    """Return the commands that still work on a home after a while."""
    deadline = time.monotonic() + patience_seconds
    while True:
        found = [command for command in _other_commands() if str(home) in command]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _other_commands() -> Iterator[str]:
    """The command lines of all processes but this one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def _is_alive(pid: int) -> bool:
    """Whether a process exists and is not merely waiting to be collected."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] not in "ZX"
