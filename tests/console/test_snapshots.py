"""R-V5: a request sees one publication, however often a run publishes meanwhile."""

import json
import shutil
import threading

import pytest

from console.cache import Cache
from orchestration.settings import load_settings
from orchestration.warehouse.reader import NothingPublished
from orchestration.warehouse.snapshots import RETIRE_AFTER_SECONDS, Snapshots
from tests.integration.run_homes import copy_home


@pytest.fixture
def home(first_run, tmp_path):
    return copy_home(first_run[0], tmp_path)


def publish_again(home, number: int) -> None:
    """What publishing does at its end: a new file, then the pointer swapped to it."""
    serving = home / "serving"
    pointer = json.loads((serving / "current.json").read_text())
    shutil.copyfile(serving / pointer["file"], serving / f"run_{number}.duckdb")
    pointer |= {"file": f"run_{number}.duckdb", "run_no": number, "run_id": f"run_{number}"}
    (serving / ".new.json").write_text(json.dumps(pointer))
    (serving / ".new.json").rename(serving / "current.json")


def test_a_pinned_publication_stays_while_a_new_one_is_served(home, tmp_path):
    snapshots = Snapshots(load_settings(home=home), scratch=tmp_path / "scratch")
    with snapshots.pin() as first:
        publish_again(home, 7)
        with snapshots.pin() as second:
            assert (first.run_no, second.run_no) == (1, 7)
        assert first.rows("select count(*) as n from marts.fct_orders")[0]["n"] > 0
    snapshots.close()


def test_a_replaced_publication_is_let_go_after_a_minute_and_never_while_pinned(home, tmp_path):
    now = [0.0]
    snapshots = Snapshots(load_settings(home=home), tmp_path / "scratch", clock=lambda: now[0])
    with snapshots.pin():
        publish_again(home, 2)
        with snapshots.pin():
            now[0] += RETIRE_AFTER_SECONDS + 1
        with snapshots.pin():
            assert snapshots.open_count() == 2
    now[0] += RETIRE_AFTER_SECONDS + 1
    with snapshots.pin():
        assert snapshots.open_count() == 1
    snapshots.close()


def test_readers_under_many_publications_never_fail_and_never_go_back(home, tmp_path):
    snapshots = Snapshots(load_settings(home=home), scratch=tmp_path / "scratch")
    problems, done = [], threading.Event()

    def read() -> None:
        latest = 0
        while not done.is_set():
            try:
                with snapshots.pin() as published:
                    rows = published.rows("select count(*) as n from marts.fct_orders")
                    if published.run_no < latest or rows[0]["n"] == 0:
                        problems.append(published.run_no)
                    latest = published.run_no
            except Exception as error:  # noqa: BLE001, whatever went wrong is the finding
                problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(2, 12):
        publish_again(home, number)
    done.set()
    for thread in threads:
        thread.join()
    snapshots.close()
    assert problems == []


def test_no_query_reads_or_writes_a_file_but_its_answers(home, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    snapshots = Snapshots(load_settings(home=home), scratch=tmp_path / "scratch")
    with snapshots.pin() as published:
        for sql in (
            f"select * from read_csv('{secret}')",
            f"copy (select 1) to '{tmp_path / 'out.csv'}'",
            "set enable_external_access = true",
            "create table marts.x as select 1",
            f"attach '{secret}' as other",
        ):
            with pytest.raises(Exception, match=r"disabled|locked|read-only|Cannot"):
                published.rows(sql)
    snapshots.close()


def test_an_empty_home_says_what_to_do(tmp_path):
    snapshots = Snapshots(load_settings(home=tmp_path), scratch=tmp_path / "scratch")
    with pytest.raises(NothingPublished, match="meshline run"), snapshots.pin():
        pass


def test_a_result_is_made_once_however_many_ask_at_once():
    cache, made = Cache(10), []
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        cache.get("key", lambda: made.append(1) or len(made))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_the_latest_results_are_kept_and_errors_are_not():
    cache = Cache(3)
    for number in range(5):
        cache.get(number, lambda number=number: number)
    assert cache.get(4, lambda: "new") == 4
    assert cache.get(0, lambda: "new") == "new"
    with pytest.raises(ZeroDivisionError):
        cache.get("bad", lambda: 1 / 0)
    assert cache.get("bad", lambda: "good") == "good"
