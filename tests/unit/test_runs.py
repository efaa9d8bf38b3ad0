"""The run lock and the record of runs (R-B4): one wins, a killed run never blocks."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.core.errors import UsageRefused, WarehouseBusy
from orchestration.warehouse import runs
from orchestration.warehouse.connection import reader, writer
from orchestration.warehouse.run_lock import lock_path
from orchestration.warehouse.runs import (
    RunStatus,
    begin_run,
    current_holder,
    finish_run,
    last_published,
    last_run,
    run_lock,
)
from tests.integration.publishing import home_settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _clock_at(moment: datetime):
    return lambda: moment


def _start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.publishing", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )


def _held_by_another_process(home: Path) -> subprocess.Popen[str]:
    process = _start("hold", home)
    assert process.stdout.readline() == "held\n"
    return process


def _statuses(settings) -> dict[int, str]:
    with reader(settings.warehouse) as connection:
        return dict(connection.execute("select run_no, status from ops.runs").fetchall())


def test_a_second_run_is_refused_with_process_and_since_when(tmp_path):
    settings = home_settings(tmp_path)
    with (
        run_lock(settings, clock=_clock_at(NOON)),
        pytest.raises(WarehouseBusy) as refused,
        run_lock(settings, clock=_clock_at(NOON)),
    ):
        pass
    assert f"process {os.getpid()} on" in str(refused.value)
    assert "since 2026-03-01 12:00:00 UTC" in str(refused.value)
    assert "try again when it has ended" in str(refused.value)
    assert refused.value.exit_code == 75


def test_a_silent_holder_is_named_with_the_command_that_frees_the_warehouse(tmp_path):
    settings = home_settings(tmp_path)
    later = NOON + timedelta(minutes=5)
    with (
        run_lock(settings, clock=_clock_at(NOON)),
        pytest.raises(WarehouseBusy, match=rf"5 minutes .* `kill -9 {os.getpid()}`"),
        run_lock(settings, clock=_clock_at(later)),
    ):
        pass


def test_the_lock_is_free_again_after_a_clean_end_and_after_an_error(tmp_path):
    settings = home_settings(tmp_path)
    with pytest.raises(ZeroDivisionError), run_lock(settings):
        raise ZeroDivisionError
    with run_lock(settings) as lock:
        assert lock.predecessor is None
    assert current_holder(settings, now=NOON) is None


def test_a_killed_holder_is_known_as_predecessor_and_does_not_block(tmp_path):
    settings = home_settings(tmp_path)
    process = _held_by_another_process(tmp_path)
    with pytest.raises(WarehouseBusy, match=f"process {process.pid} on"), run_lock(settings):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with run_lock(settings) as lock:
        assert lock.predecessor.pid == process.pid
        assert lock.predecessor.heartbeat_at >= lock.predecessor.since


def test_of_eight_processes_that_start_together_one_wins(tmp_path):
    """B9: two schedulers start the same run."""
    go = tmp_path / "go"
    racers = [_start("race", tmp_path / "home", go) for _ in range(8)]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 8
    go.touch()
    ends = sorted(racer.communicate(timeout=60)[0] for racer in racers)
    assert ends == ["refused"] * 7 + ["won"]


def test_the_holder_shows_its_signs_of_life(tmp_path):
    settings = home_settings(tmp_path)
    process = _held_by_another_process(tmp_path)
    try:
        holder = current_holder(settings, now=datetime.now(UTC))
        assert holder.pid == process.pid
        first = holder.heartbeat_at
        while current_holder(settings, now=datetime.now(UTC)).heartbeat_at == first:
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert current_holder(settings, now=datetime.now(UTC)) is None


def test_a_lock_file_of_garbage_is_no_holder(tmp_path):
    settings = home_settings(tmp_path)
    lock_path(settings).write_bytes(b"\xff{not json" * 100)
    assert current_holder(settings, now=NOON) is None
    with run_lock(settings) as lock:
        assert lock.predecessor is None


def test_a_symlink_in_place_of_the_lock_file_is_not_followed(tmp_path):
    settings = home_settings(tmp_path / "home")
    settings.home.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("kept")
    lock_path(settings).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"), run_lock(settings):
        pass
    assert victim.read_text() == "kept"


def test_a_run_is_recorded_from_begin_to_end(tmp_path):
    settings = home_settings(tmp_path)
    with run_lock(settings) as lock:
        run = begin_run(settings, lock, as_of=NOON, clock=_clock_at(NOON))
        assert (run.run_no, run.run_id, run.as_of) == (1, "run_1", NOON)
        assert last_run(settings, now=datetime.now(UTC)).status is RunStatus.RUNNING
        later = NOON + timedelta(seconds=9)
        done = finish_run(
            settings,
            run,
            RunStatus.PUBLISHED,
            input_hash="abc",
            report={"orders": 3},
            clock=_clock_at(later),
        )
    assert last_run(settings, now=later) == done == last_published(settings)
    assert (done.finished_at, done.input_hash, done.report) == (later, "abc", {"orders": 3})


def test_a_run_that_was_killed_reads_as_interrupted_and_is_marked_by_the_next(tmp_path):
    """B10: the orchestrator dies and its run would stay running for ever."""
    settings = home_settings(tmp_path)
    with run_lock(settings) as lock:
        begin_run(settings, lock, as_of=NOON)
    assert last_run(settings, now=datetime.now(UTC)).status is RunStatus.INTERRUPTED
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
        assert run.interrupted == (1,)
    assert _statuses(settings) == {1: "interrupted", 2: "running"}
    with reader(settings.warehouse) as connection:
        message = connection.execute("select message from ops.runs where run_no = 1").fetchone()[0]
    assert "the next run does its work again" in message


def test_the_last_sign_of_life_of_a_killed_run_is_kept(tmp_path):
    settings = home_settings(tmp_path)
    with run_lock(settings) as lock:
        begin_run(settings, lock, as_of=NOON, clock=_clock_at(NOON))
    process = _held_by_another_process(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with run_lock(settings) as lock:
        begin_run(settings, lock)
        sign = lock.predecessor.heartbeat_at.replace(tzinfo=None)
    with reader(settings.warehouse) as connection:
        stored = connection.execute("select heartbeat_at, message from ops.runs where run_no = 1")
        heartbeat_at, message = stored.fetchone()
    assert heartbeat_at == sign
    assert f"process {process.pid} is gone" in message


def test_a_clock_that_was_set_back_does_not_hide_what_is_already_loaded(tmp_path):
    """B12: the moment of a run never lies before that of the run before it."""
    settings = home_settings(tmp_path)
    with run_lock(settings) as lock:
        begin_run(settings, lock, clock=_clock_at(NOON))
        second = begin_run(settings, lock, clock=_clock_at(NOON - timedelta(days=1)))
    assert second.as_of == NOON + timedelta(microseconds=1)


def test_an_earlier_moment_by_request_is_refused_with_the_way_to_do_it(tmp_path):
    settings = home_settings(tmp_path)
    with run_lock(settings) as lock:
        begin_run(settings, lock, as_of=NOON)
        assert begin_run(settings, lock, as_of=NOON).run_no == 2
        with pytest.raises(UsageRefused, match=r"2026-02-28 12:00:00.*empty home: --home DIR"):
            begin_run(settings, lock, as_of=NOON - timedelta(days=1))
    assert sorted(_statuses(settings)) == [1, 2]


def test_the_last_published_run_is_found_behind_others(tmp_path):
    settings = home_settings(tmp_path)
    assert last_published(settings) is None
    with writer(settings):
        pass
    assert last_published(settings) is None
    with run_lock(settings) as lock:
        for status in (RunStatus.PUBLISHED, RunStatus.BLOCKED, RunStatus.FAILED):
            finish_run(settings, begin_run(settings, lock), status, message="why")
    assert last_published(settings).run_no == 1
    latest = last_run(settings, now=NOON)
    assert (latest.run_no, latest.status, latest.message) == (3, RunStatus.FAILED, "why")


def test_a_process_that_keeps_the_warehouse_open_is_waited_for_and_then_named(
    tmp_path, monkeypatch
):
    settings = home_settings(tmp_path)
    with writer(settings):
        pass
    script = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        "time.sleep(float(sys.argv[2]))"
    )
    for seconds, patience in (("0.5", 10.0), ("60", 0.2)):
        process = subprocess.Popen(
            [sys.executable, "-c", script, settings.warehouse, seconds],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "open\n"
        monkeypatch.setattr(runs, "ORPHAN_SECONDS", patience)
        with run_lock(settings) as lock:
            if seconds == "60":
                with pytest.raises(WarehouseBusy):
                    begin_run(settings, lock)
            else:
                assert begin_run(settings, lock).run_no == 1
        process.kill()
        process.wait()


def test_the_record_of_runs_has_the_agreed_columns(tmp_path):
    settings = home_settings(tmp_path)
    with run_lock(settings) as lock:
        begin_run(settings, lock)
    with duckdb.connect(str(settings.warehouse)) as connection:
        found = connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where schema_name = 'ops' and table_name = 'runs' order by column_index"
        ).fetchall()
    assert found == [
        ("run_no", "BIGINT"),
        ("run_id", "VARCHAR"),
        ("as_of", "TIMESTAMP"),
        ("started_at", "TIMESTAMP"),
        ("finished_at", "TIMESTAMP"),
        ("heartbeat_at", "TIMESTAMP"),
        ("status", "VARCHAR"),
        ("input_hash", "VARCHAR"),
        ("message", "VARCHAR"),
        ("report", "JSON"),
    ]
