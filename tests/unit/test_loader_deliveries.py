"""Deliveries over time: what is known, repeated, replaced, held, gone or late."""

import json
import os
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from loader_shop import AS_OF, Shop

from orchestration.core.errors import ReconError
from orchestration.warehouse.loader_session import Session

SALES = """
sales:
  entity: orders
  key: [sale_id]
  amount: total
  {more}
  columns:
    sale_id: {{type: id, required: true}}
    total: {{type: amount, required: true, currency: EUR}}
    note: {{type: string}}
"""
HEAD = "sale_id,total,note\n"


def shop(tmp_path: Path, more: str = "") -> Shop:
    return Shop(tmp_path, SALES.format(more=more))


def manifest(made: Shop, name: str, **said: object) -> None:
    path = made.settings.landing / "shop" / f"{name}.manifest.json"
    path.write_text(json.dumps(said), encoding="utf-8")


def living(made: Shop) -> list[tuple]:
    """Return the latest version of each key that is not deleted."""
    return made.rows(
        """
        select sale_id, total from (
            select *, row_number() over (
                partition by _key_hash order by _business_on desc nulls last, _load_seq desc
            ) as place from raw.shop__sales
        ) where place = 1 and not _is_deleted order by sale_id
        """
    )


def test_an_unchanged_file_is_known_and_not_read_again(tmp_path, monkeypatch):
    made = shop(tmp_path)
    made.load_file("sales.csv", HEAD + "S-1,1,\n")
    monkeypatch.setattr(
        "orchestration.warehouse.loader_take.archive",
        lambda *_: pytest.fail("a known file was read"),
    )

    report = made.load()

    assert (report.files, report.known, report.has_news) == ((), 1, False)


def test_a_copied_landing_folder_is_recognised_once(tmp_path):
    made = shop(tmp_path)
    path = made.land("sales.csv", HEAD + "S-1,1,\n")
    made.load()
    status = path.stat()
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    report = made.load()

    assert (report.files, report.known) == ((), 1)
    assert made.rows("select count(*), max(inode) from raw.files") == [(1, path.stat().st_ino)]


def test_touched_or_renamed_bytes_are_a_repetition(tmp_path):
    made = shop(tmp_path)
    made.load_file("sales.csv", HEAD + "S-1,1,\n")

    result = made.load_file("sales_again.csv", HEAD + "S-1,1,\n")

    assert (result.status, result.fault_id) == ("duplicate", "A1")
    assert not made.load().has_news


def test_a_changed_contract_gives_a_refused_file_another_chance(tmp_path):
    made = shop(tmp_path)
    refused = made.load_file("sales.csv", "sale_no,total,note\nS-1,1,\n")
    assert (refused.status, refused.fault_id) == ("refused", "A10")
    assert made.load().files == ()

    made.streams = made.streams.replace(
        "sale_id: {type: id, required: true}",
        "sale_id: {type: id, required: true, header: sale_no}",
    )
    report = made.load()

    assert [result.status for result in report.files] == ["loaded"]
    assert made.rows("select status from raw.files") == [("loaded",)]


def test_a_corrected_manifest_gives_a_refused_file_another_chance(tmp_path):
    made = shop(tmp_path)
    made.land("sales.csv", HEAD + "S-1,1,\n")
    manifest(made, "sales.csv", rows=2)
    assert [result.fault_id for result in made.load().files] == ["A4"]

    manifest(made, "sales.csv", rows=1, control_amount="1.00")

    assert [result.status for result in made.load().files] == ["loaded"]
    assert made.rows("select declared_rows from raw.files") == [(1,)]


@pytest.mark.parametrize(
    "said",
    [
        {"rows": "2"},
        {"rows": 2.0},
        {"rows": True},
        {"sha256": "abc"},
        {"control_amount": "1e3"},
        {"wrong": 1},
    ],
)
def test_a_manifest_that_says_nothing_clear_refuses_the_file(tmp_path, said):
    made = shop(tmp_path)
    made.land("sales.csv", HEAD + "S-1,1,\n")
    manifest(made, "sales.csv", **said)

    result = made.load().files[0]

    assert (result.status, result.fault_id) == ("refused", "A4")
    assert "manifest" in result.reason


def test_a_manifest_may_replace_a_file_of_the_same_name(tmp_path):
    made = shop(tmp_path)
    made.load_file("sales.csv", HEAD + "S-1,1,\nS-2,2,\nS-3,3,\n")
    made.load_file("sales_b.csv", HEAD + "S-3,33,\n")
    made.land("sales.csv", HEAD + "S-1,10,\n")
    manifest(made, "sales.csv", rows=1, supersedes=True)

    result = made.load().files[0]

    assert (result.status, result.fault_id) == ("loaded", "A24")
    assert [row[1] for row in living(made)] == [10, 33]
    assert made.rows("select status from raw.files order by load_seq") == [
        ("superseded",),
        ("loaded",),
        ("loaded",),
    ]


def test_other_bytes_under_a_known_name_are_kept_beside_the_first(tmp_path):
    made = shop(tmp_path)
    made.load_file("sales.csv", HEAD + "S-1,1,\nS-2,2,\n")

    result = made.load_file("sales.csv", HEAD + "S-1,10,\n")

    assert (result.status, result.fault_id) == ("loaded", "A2")
    assert [row[1] for row in living(made)] == [10, 2]


def test_versions_count_up_and_repetitions_are_not_stored(tmp_path):
    made = shop(tmp_path, "delivery: {mode: overlap}")
    for number, amount in enumerate(("1", "1", "2", "1")):
        made.load_file(f"sales_{number}.csv", HEAD + f"S-1,{amount},\nS-{number + 5},1,\n")

    assert made.rows(
        "select total, _row_version from raw.shop__sales where sale_id = 'S-1' order by all"
    ) == [(1, 1), (1, 3), (2, 2)]
    assert made.rows("select sum(row_count), sum(amount) from raw.duplicate_rows") == [(1, 1)]


def test_a_snapshot_that_returns_to_old_bytes_is_news(tmp_path):
    made = shop(tmp_path, "delivery: {mode: full_snapshot}")
    first, second = HEAD + "S-1,1,\nS-2,2,\n", HEAD + "S-1,5,\n"
    made.load_file("sales_2026-01-01.csv", first)
    made.load_file("sales_2026-01-02.csv", second)

    result = made.load_file("sales_2026-01-03.csv", first)

    assert (result.status, result.rows_loaded) == ("loaded", 2)
    assert [row[1] for row in living(made)] == [1, 2]


@pytest.mark.parametrize("name", ["sales_2026-01-02.csv", "sales_2026-01-02.jsonl"])
def test_a_late_file_does_not_win_over_what_a_later_day_repeated(tmp_path, name):
    """Day 3 repeats day 1 and was skipped; then day 2 says otherwise."""
    made = shop(tmp_path)
    made.load_file("sales_2026-01-01.csv", HEAD + "S-1,1,\nS-2,1,\n")
    made.load_file("sales_2026-01-03.csv", HEAD + "S-1,1,\nS-2,1,\nS-9,9,\n")
    late = '{"sale_id": "S-1", "total": 2}\n' if name.endswith("l") else HEAD + "S-1,2,\n"

    made.load_file(name, late)

    assert living(made)[0][1] == 1
    assert made.rows(
        "select _business_on, total from raw.shop__sales where sale_id = 'S-1' order by all"
    ) == [
        (AS_OF.date().replace(month=1, day=1), 1),
        (AS_OF.date().replace(month=1, day=2), 2),
        (AS_OF.date().replace(month=1, day=3), 1),
    ]
    assert made.rows("select rows_loaded, rows_duplicate from raw.files order by load_seq") == [
        (2, 0),
        (2, 1),
        (1, 0),
    ]
    assert made.rows("select load_seq, row_count, amount from raw.duplicate_rows") == [(2, 1, 1)]


def test_a_missing_number_holds_the_files_after_it(tmp_path):
    made = shop(tmp_path, "delivery: {sequence: '_(\\d+)\\.'}")
    for number in (1, 3, 4):
        made.land(f"sales_{number}.csv", HEAD + f"S-{number},1,\n")

    assert [(file.status, file.fault_id) for file in made.load().files] == [
        ("loaded", None),
        ("received", "A7"),
        ("received", "A7"),
    ]
    made.land("sales_2.csv", HEAD + "S-2,1,\n")
    assert [file.status for file in made.load().files] == ["loaded"] * 3
    assert made.rows("select count(*) from raw.files") == [(4,)]


def test_a_new_column_is_kept_for_a_window_and_then_refused(tmp_path):
    made = shop(tmp_path)
    first = made.load_file("sales_1.csv", "sale_id,total,note,colour\nS-1,1,,red\n")
    made.land("sales_2.csv", "sale_id,total,note,colour\nS-2,1,,\n")
    second = made.load(AS_OF + timedelta(days=7)).files[0]
    made.land("sales_3.csv", "sale_id,total,note,colour\nS-3,1,,blue\n")
    third = made.load(AS_OF + timedelta(days=8)).files[0]
    made.land("sales_4.csv", HEAD + "S-4,1,\n")
    fourth = made.load(AS_OF + timedelta(days=8)).files[0]

    assert [first.status, second.status, third.status] == ["loaded", "loaded", "refused"]
    assert (third.fault_id, fourth.status, fourth.fault_id) == ("A10", "received", "A10")
    assert "sales_3.csv" in fourth.reason
    assert made.rows("select _extra from raw.shop__sales order by sale_id") == [
        ('{"colour":"red"}',),
        (None,),
    ]
    assert made.rows("select new_columns from raw.files where load_seq = 1") == [('["colour"]',)]
    assert made.rows("select column_name, change, status from raw.schema_changes") == [
        ("colour", "added", "accepted"),
        ("colour", "added", "refused"),
    ]


def test_a_file_that_leaves_an_empty_last_column_away_brings_nothing_new(tmp_path):
    """Regression: such a column counted as content when it was there and empty."""
    made = shop(tmp_path)
    made.load_file("sales.csv", HEAD + "S-1,1,\n")
    again = made.load_file("sales_2.csv", "sale_id,total\nS-1,1\n")
    assert again.rows_loaded == 0


def test_a_column_that_the_contract_gains_leaves_old_rows_alone(tmp_path):
    made = shop(tmp_path, "delivery: {mode: overlap}")
    made.load_file("sales_1.csv", HEAD + "S-1,1,a\n")
    made.streams += "\n  shade: {type: string}\n".replace("\n  ", "\n    ")

    result = made.load_file("sales_2.csv", HEAD + "S-1,1,a\nS-2,1,b\n")

    assert (result.rows_loaded, result.rows_duplicate) == (1, 1)
    assert made.rows("select sale_id, shade from raw.shop__sales order by all") == [
        ("S-1", None),
        ("S-2", None),
    ]


def test_a_commit_that_fails_after_the_fact_is_found_to_be_done(tmp_path, monkeypatch):
    made = shop(tmp_path)
    made.land("sales.csv", HEAD + "S-1,1,\n")
    honest = Session._open

    class Failing:
        """A connection whose commits are durable and raise all the same."""

        def __init__(self, connection):
            self.inner = connection

        def execute(self, sql, *rest):
            done = self.inner.execute(sql, *rest)
            if sql == "commit":
                raise duckdb.IOException("disk full during checkpoint")
            return done

        def __getattr__(self, name):
            return getattr(self.inner, name)

    def failing(session):
        honest(session)
        session.connection = Failing(session.connection)

    monkeypatch.setattr(Session, "_open", failing)

    assert [file.status for file in made.load().files] == ["loaded"]
    monkeypatch.setattr(Session, "_open", honest)
    assert made.load().known == 1


def test_a_commit_that_did_not_happen_ends_the_run(tmp_path, monkeypatch):
    made = shop(tmp_path)
    made.load()
    made.land("sales.csv", HEAD + "S-1,1,\n")
    honest = Session._open

    class Failing:
        """A connection that loses its commits."""

        def __init__(self, connection):
            self.inner = connection

        def execute(self, sql, *rest):
            if sql == "commit":
                self.inner.execute("rollback")
                raise duckdb.IOException("disk full")
            return self.inner.execute(sql, *rest)

        def __getattr__(self, name):
            return getattr(self.inner, name)

    def failing(session):
        honest(session)
        session.connection = Failing(session.connection)

    monkeypatch.setattr(Session, "_open", failing)
    with pytest.raises(ReconError, match="nothing of it was kept"):
        made.load()
    monkeypatch.setattr(Session, "_open", honest)

    assert made.rows("select count(*) from raw.files") == [(0,)]
    assert [file.status for file in made.load().files] == ["loaded"]


def test_a_table_is_there_for_every_stream_without_any_file(tmp_path):
    made = shop(tmp_path)

    report = made.load()

    assert report.files == ()
    assert made.rows("select count(*) from raw.shop__sales") == [(0,)]


def test_a_column_cannot_change_its_type_over_stored_rows(tmp_path):
    made = shop(tmp_path)
    made.load_file("sales.csv", HEAD + "S-1,1,a\n")
    made.streams = made.streams.replace("note: {type: string}", "note: {type: integer}")

    with pytest.raises(ReconError, match="column note of stream sales is now bigint"):
        made.load()
