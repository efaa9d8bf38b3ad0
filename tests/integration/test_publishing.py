"""Readers and publications at the same time (R-V5): no error, no mixture, no frozen file."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from orchestration.warehouse import publisher, reader
from orchestration.warehouse.publisher import (
    SYMLINK,
    PublishingFailed,
    publish,
    read_pointer,
    settle_publication,
)
from orchestration.warehouse.reader import NothingPublished, open_published
from orchestration.warehouse.runs import begin_run, run_lock
from tests.integration.publishing import (
    ROWS,
    TABLES,
    VIEW,
    build_marts,
    home_settings,
    one_run,
    runs_seen,
)

PUBLICATIONS = 20
KILLS = 20


def _start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.publishing", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )


def test_readers_never_see_an_error_a_mixture_or_a_frozen_file(tmp_path):
    settings = home_settings(tmp_path / "home")
    first = one_run(settings)
    stop = tmp_path / "stop"
    ways = ("pointer", "symlink", "holding", "holding-symlink")
    readers = {way: _start("read", settings.home, way, tmp_path / way, stop) for way in ways}
    _wait_until(lambda: all((tmp_path / way).exists() for way in ways))

    for _ in range(PUBLICATIONS):
        last = one_run(settings)
    stop.touch()
    results = {}
    for way, process in readers.items():
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        results[way] = json.loads(output)

    assert last == first + PUBLICATIONS
    for way, result in results.items():
        assert result["problems"] == [], way
        assert result["runs"] == sorted(result["runs"]), f"{way} went back in time"
        assert result["runs"][-1] == last, f"{way} is frozen"
        assert len(result["runs"]) >= 3, f"{way} saw too few publications to prove anything"


def test_a_kill_at_any_moment_leaves_a_whole_publication(tmp_path):
    settings = home_settings(tmp_path / "home")
    one_run(settings)
    draw = random.Random(20261121)
    published_by_killed = 0
    for number in range(KILLS):
        before = read_pointer(settings).run_no
        process = _start("publish-for-ever", settings.home)
        assert process.stdout.readline() == "ready\n"
        # Some kills come after a publication, however slow the machine is.
        while number % 3 == 0 and read_pointer(settings).run_no == before:
            assert process.poll() is None, "it ended by itself"
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()

        pointer = read_pointer(settings)
        assert pointer.run_no >= before
        published_by_killed += pointer.run_no - before
        with open_published(settings) as published:
            assert runs_seen(published.connection) == {pointer.run_no}
        with duckdb.connect(str(settings.serving / SYMLINK), read_only=True) as connection:
            assert len(runs_seen(connection)) == 1

        after = one_run(settings)
        assert after > pointer.run_no
        assert read_pointer(settings).run_no == after
        assert list(settings.serving.glob(".*")) == []
    assert published_by_killed > 0, "the kills came too early to prove anything"


def test_every_relation_of_the_marts_is_published_with_its_count_and_types(tmp_path):
    settings = home_settings(tmp_path / "home")
    run_no = one_run(settings)
    with open_published(settings) as published:
        assert set(published.tables) == {*TABLES, VIEW}
        assert published.tables["fct_orders"] == ROWS + run_no
        assert published.tables[VIEW] == 10
        assert published.run_id == f"run_{run_no}"
        assert published.path.name == f"run_{run_no}.duckdb"
        (row,) = published.rows(
            "select typeof(amount) as kind, sum(amount) as total from marts.fct_orders group by 1"
        )
        assert row["kind"] == "DECIMAL(18,4)"
        kinds = published.rows(
            "select distinct table_type from information_schema.tables "
            "where table_schema = $schema",
            {"schema": "marts"},
        )
        assert kinds == ({"table_type": "BASE TABLE"},), "views are stored, not left to dangle"


def test_a_published_file_cannot_be_written_and_holds_the_marts_alone(tmp_path):
    settings = home_settings(tmp_path / "home")
    one_run(settings)
    pointer = read_pointer(settings)
    path = settings.serving / pointer.file
    assert path.stat().st_mode & 0o777 == 0o444
    with open_published(settings) as published:
        schemas = published.rows("select distinct schema_name from duckdb_tables()")
        assert schemas == ({"schema_name": "marts"},)
        with pytest.raises(duckdb.Error, match="read-only"):
            published.connection.execute("create table marts.mine (a int)")


def test_three_generations_are_kept_and_readers_of_older_ones_go_on(tmp_path):
    settings = home_settings(tmp_path / "home")
    first = one_run(settings)
    with open_published(settings) as published:
        numbers = [one_run(settings) for _ in range(4)]
        kept = sorted(path.name for path in settings.serving.glob("run_*"))
        assert kept == sorted(f"run_{number}.duckdb" for number in numbers[-3:])
        assert runs_seen(published.connection) == {first}


def test_run_numbers_go_on_and_nothing_is_overwritten_when_the_warehouse_was_deleted(tmp_path):
    settings = home_settings(tmp_path / "home")
    last = [one_run(settings) for _ in range(3)][-1]
    settings.warehouse.unlink()
    assert one_run(settings) == last + 1
    (settings.home / "last_run.json").unlink()
    settings.warehouse.unlink()
    assert one_run(settings) == last + 2
    with open_published(settings) as published:
        assert runs_seen(published.connection) == {last + 2}


def test_a_swap_cut_in_two_is_completed_by_the_next_run(tmp_path, monkeypatch):
    settings = home_settings(tmp_path / "home")
    first = one_run(settings)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publisher, "replace_symlink", killed)
        with pytest.raises(KeyboardInterrupt):
            one_run(settings)
    link = settings.serving / SYMLINK
    assert link.readlink().name == f"run_{first}.duckdb"
    settle_publication(settings)
    assert link.readlink().name == read_pointer(settings).file != f"run_{first}.duckdb"


def test_publishing_the_same_run_again_leaves_its_file_untouched(tmp_path):
    settings = home_settings(tmp_path / "home")
    run_no = one_run(settings)
    path = settings.serving / f"run_{run_no}.duckdb"
    stamp, pointer = path.stat().st_mtime_ns, read_pointer(settings)
    (settings.serving / publisher.POINTER).unlink()
    assert publish(settings, run_no) == path
    assert path.stat().st_mtime_ns == stamp
    assert read_pointer(settings) == pointer


def test_a_failed_publication_leaves_the_last_good_one(tmp_path, monkeypatch):
    settings = home_settings(tmp_path / "home")
    good = one_run(settings)
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
        build_marts(settings, run.run_no)

        def no_space(_: Path) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(publisher, "fsync_file", no_space)
            with pytest.raises(PublishingFailed, match=r"No space left.*last good publication"):
                publish(settings, run.run_no)
        with pytest.raises(PublishingFailed, match="lacks these marts: fct_missing"):
            publish(settings, run.run_no, only=["fct_orders", "fct_missing"])
        with pytest.raises(PublishingFailed, match="Run 99 is not in the record"):
            publish(settings, 99)
    assert read_pointer(settings).run_no == good
    assert sorted(path.name for path in settings.serving.iterdir()) == [
        "current.duckdb",
        "current.json",
        f"run_{good}.duckdb",
    ]


def test_a_copy_that_lost_rows_is_not_published(tmp_path, monkeypatch):
    settings = home_settings(tmp_path / "home")
    good = one_run(settings)
    checked = publisher._checked_count

    def after_a_loss(connection, name, original, copy):
        if name == "fct_matches":
            connection.execute(f"delete from {copy} where row_no = 7")
        return checked(connection, name, original, copy)

    with monkeypatch.context() as patch:
        patch.setattr(publisher, "_checked_count", after_a_loss)
        with pytest.raises(PublishingFailed, match=r"marts\.fct_matches and its copy differ"):
            one_run(settings)
    assert read_pointer(settings).run_no == good


def test_reading_does_not_wait_for_the_import_of_a_frame_library(tmp_path):
    settings = home_settings(tmp_path / "home")
    one_run(settings)
    script = (
        "import sys; from pathlib import Path;"
        "from tests.integration.publishing import home_settings;"
        "from orchestration.warehouse.reader import open_published\n"
        "with open_published(home_settings(Path(sys.argv[1]))) as p:\n"
        "    assert p.rows('select ? as a', ['x']) == ({'a': 'x'},)\n"
        "assert 'pandas' not in sys.modules\n"
        "import pandas\n"
    )
    subprocess.run([sys.executable, "-c", script, settings.home], check=True)


def test_only_named_marts_are_published_when_asked(tmp_path):
    settings = home_settings(tmp_path / "home")
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
        build_marts(settings, run.run_no)
        publish(settings, run.run_no, only={"fct_orders", VIEW})
    assert set(read_pointer(settings).tables) == {"fct_orders", VIEW}


def test_a_warehouse_left_with_a_log_by_a_kill_is_published_whole(tmp_path):
    settings = home_settings(tmp_path / "home")
    with run_lock(settings) as lock:
        run = begin_run(settings, lock)
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "from tests.integration.publishing import *;"
        "from orchestration.warehouse.connection import writer\n"
        "s = home_settings(Path(sys.argv[1]))\n"
        "with writer(s) as c:\n"
        "    c.execute('create schema if not exists marts')\n"
        f"    c.execute('create table marts.fct_orders as select {run.run_no} as run_no')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, settings.home], check=False)
    assert settings.warehouse.with_name("warehouse.duckdb.wal").exists()
    publish(settings, run.run_no)
    with open_published(settings) as published:
        assert published.tables == {"fct_orders": 1}


def test_reading_before_the_first_run_says_what_to_do(tmp_path):
    with pytest.raises(NothingPublished, match="run `meshline run` first"):
        open_published(home_settings(tmp_path / "home"))


def test_a_pointer_to_a_lost_file_says_so_instead_of_a_traceback(tmp_path, monkeypatch):
    settings = home_settings(tmp_path / "home")
    one_run(settings)
    (settings.serving / read_pointer(settings).file).unlink()
    monkeypatch.setattr(reader, "_PAUSE_SECONDS", 0)
    with pytest.raises(NothingPublished, match="file is gone"):
        open_published(settings)


def _wait_until(is_true, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "the processes did not start"
        time.sleep(0.01)
