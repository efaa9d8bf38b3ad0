"""Faults of storage and processes (B1 to B10 of the catalogue; B3 belongs to the outbox).

Kills of whole runs are in `tests/integration/test_kill.py`, publishing beside readers in
`tests/integration/test_publishing.py`, the lock in `tests/unit/test_runs.py`.
"""

import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration.core.errors import WarehouseBusy
from orchestration.warehouse import publisher, runs
from orchestration.warehouse.connection import reader, writer
from orchestration.warehouse.publisher import PublishingFailed, read_pointer
from orchestration.warehouse.reader import open_published
from orchestration.warehouse.runs import (
    RunStatus,
    WarehouseDamaged,
    begin_run,
    finish_run,
    run_lock,
)
from tests.integration.kills import problems_of_load
from tests.integration.publishing import (
    TABLES,
    home_settings,
    one_run,
    runs_seen,
)

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from orchestration.connectors.contracts import load_contracts
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse.loader import load_landing
settings = Settings(home=Path(sys.argv[1]), landing=PROJECT_ROOT / "seeds" / "samples")
contracts = load_contracts(settings.seeds)
print("ready", flush=True)
as_of = datetime(2026, 7, 1, tzinfo=UTC)
load_landing(settings, contracts, settings.landing, as_of=as_of, run_no=1)
print("done", flush=True)
"""


def _python(script: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def _finished_run(settings, status: RunStatus = RunStatus.UNCHANGED) -> None:
    with run_lock(settings) as lock:
        finish_run(settings, begin_run(settings, lock), status)


def test_b1_a_kill_while_loading_leaves_each_file_whole_or_absent(tmp_path):
    home = tmp_path / "home"
    draw = random.Random(11)
    killed = 0
    for _ in range(60):
        process = _python(LOAD, home)
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.0, 0.4))
        is_hit = process.poll() is None
        process.kill()
        process.communicate()
        assert problems_of_load(home) == []
        killed += is_hit
        if killed == 6:
            break
        if not is_hit:  # all was loaded before: the next one begins anew
            shutil.rmtree(home)
    assert killed == 6
    output, errors = _python(LOAD, home).communicate(timeout=120)
    assert output.endswith("done\n"), errors
    assert problems_of_load(home) == []
    with reader(home / "warehouse.duckdb") as connection:
        deliveries, loaded = connection.execute(
            "select count(*), count(distinct file_id) from raw.files where status = 'loaded'"
        ).fetchone()
    assert deliveries == loaded == len(list((ROOT / "seeds/samples/generic").glob("*.csv")))


def test_b2_tables_that_a_killed_dbt_left_of_two_runs_are_never_published(tmp_path):
    settings = home_settings(tmp_path)
    first = one_run(settings)
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
    with writer(settings) as connection:  # dbt got as far as two of the tables
        for name in TABLES[:2]:
            connection.execute(f"update marts.{name} set run_no = {run.run_no}")
    with open_published(settings) as published:
        assert runs_seen(published.connection) == {first}
    last = one_run(settings)
    with open_published(settings) as published:
        assert runs_seen(published.connection) == {last}


def test_b4_a_full_disk_fails_the_publication_and_leaves_the_last_good_one(tmp_path):
    settings = home_settings(tmp_path)
    good = one_run(settings)
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
    with writer(settings) as connection:
        connection.execute(
            "create table marts.fct_large as select range as a, md5(cast(range as varchar)) as b "
            "from range(300000)"
        )
    script = (
        "import signal, sys; from pathlib import Path;"
        "from orchestration.warehouse.publisher import publish;"
        "from tests.integration.publishing import home_settings\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"publish(home_settings(Path(sys.argv[1])), {run.run_no})\n"
    )
    limit = 2 * 1024 * 1024

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = _python(script, settings.home, preexec_fn=small_files)
    _, errors = process.communicate(timeout=60)
    assert "PublishingFailed" in errors
    assert "The last good publication stays in place" in errors
    assert read_pointer(settings).run_no == good
    assert not list(settings.serving.glob(".building*"))
    assert publisher.publish(settings, run.run_no).exists(), "recovers when space returns"


def test_b5_an_error_of_the_disk_while_making_durable_publishes_nothing(tmp_path, monkeypatch):
    settings = home_settings(tmp_path)
    good = one_run(settings)

    def input_output_error(_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("orchestration.warehouse.durable.os.fsync", input_output_error)
        with pytest.raises((PublishingFailed, OSError), match="Input/output error"):
            one_run(settings)
    assert read_pointer(settings).run_no == good
    assert one_run(settings) > good


def test_b6_a_flipped_bit_in_the_warehouse_is_refused_in_words(tmp_path):
    settings = home_settings(tmp_path)
    one_run(settings)
    content = bytearray(settings.warehouse.read_bytes())
    for offset in range(4096, 3 * 4096, 64):
        content[offset] ^= 0x10
    settings.warehouse.write_bytes(content)
    with run_lock(settings) as lock, pytest.raises(WarehouseDamaged, match="move it away"):
        begin_run(settings, lock)
    with open_published(settings) as published:
        assert runs_seen(published.connection) == {1}


def test_b7_an_older_copy_of_the_warehouse_is_noticed_before_anything_is_written(tmp_path):
    settings = home_settings(tmp_path)
    _finished_run(settings)
    old = shutil.copy(settings.warehouse, tmp_path / "old.duckdb")
    _finished_run(settings)
    shutil.copy(old, settings.warehouse)
    with run_lock(settings) as lock, pytest.raises(WarehouseDamaged, match=r"lacks what run_2"):
        begin_run(settings, lock)


def test_b7_a_log_that_was_left_behind_is_noticed(tmp_path):
    """DuckDB opens such a file without a word, with fewer rows."""
    settings = home_settings(tmp_path)
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
        with writer(settings):
            without_log = shutil.copy(settings.warehouse, tmp_path / "copied.duckdb")
        finish_run(settings, run, RunStatus.PUBLISHED)
    shutil.copy(without_log, settings.warehouse)
    with run_lock(settings) as lock, pytest.raises(WarehouseDamaged, match=r"lacks what run_1"):
        begin_run(settings, lock)


def test_b7_a_warehouse_that_was_removed_on_purpose_is_rebuilt(tmp_path):
    settings = home_settings(tmp_path)
    _finished_run(settings)
    settings.warehouse.unlink()
    with run_lock(settings) as lock:
        assert begin_run(settings, lock).run_no == 2


def test_b8_a_second_writer_is_refused_in_words_and_readers_go_on(tmp_path, monkeypatch):
    settings = home_settings(tmp_path)
    run_no = one_run(settings)
    script = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        "time.sleep(60)"
    )
    process = _python(script, settings.warehouse)
    assert process.stdout.readline() == "open\n"
    monkeypatch.setattr(runs, "ORPHAN_SECONDS", 0.2)
    try:
        with run_lock(settings) as lock, pytest.raises(WarehouseBusy, match="another process"):
            begin_run(settings, lock)
        with open_published(settings) as published:
            assert runs_seen(published.connection) == {run_no}
    finally:
        process.kill()
        process.communicate()


def test_b9_of_two_starts_at_the_same_time_one_wins(tmp_path):
    settings = home_settings(tmp_path)
    with run_lock(settings), pytest.raises(WarehouseBusy), run_lock(settings):
        pass
    _finished_run(settings)


def test_b10_a_run_whose_process_died_is_closed_by_the_next_and_blocks_nobody(tmp_path):
    settings = home_settings(tmp_path)
    script = (
        "import sys, time; from pathlib import Path;"
        "from orchestration.warehouse.runs import begin_run, run_lock;"
        "from tests.integration.publishing import home_settings\n"
        "settings = home_settings(Path(sys.argv[1]))\n"
        "with run_lock(settings) as lock:\n"
        "    begin_run(settings, lock)\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = _python(script, settings.home)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
    assert run.interrupted == (1,)
    assert run.run_no == 2
