"""What keeps reading bounded: time, memory, sizes, and the fence around the home."""

import gzip
import zlib

import duckdb
import pytest
from loader_shop import Shop

from orchestration.connectors.contracts import load_contracts
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_session import Session
from orchestration.warehouse.loader_staging import time_limit

NOTES = """
notes:
  entity: notes
  {more}
  key: [note_id]
  columns:
    note_id: {{type: id, required: true}}
    words: {{type: string}}
"""


def shop(tmp_path, more="", **limits):
    return Shop(tmp_path, NOTES.format(more=more), limits=limits)


def test_a_statement_that_takes_too_long_is_interrupted_and_refused():
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        with (
            pytest.raises(Refused, match="parse_timeout_seconds") as caught,
            time_limit(connection, 1),
        ):
            connection.execute("select count(*) from range(1000000000000) where random() > 2")

        assert caught.value.fault_id == "A15"
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_statement_that_needs_too_much_memory_is_refused(tmp_path):
    config = {"memory_limit": "20MB", "max_temp_directory_size": "0MB", "threads": "1"}
    with duckdb.connect(config=config) as connection:
        with pytest.raises(Refused, match="memory_limit_mb") as caught, time_limit(connection, 60):
            connection.execute("select list(i) from range(20000000) t(i)")

        assert caught.value.fault_id == "A15"


def test_the_loader_cannot_read_outside_its_home(tmp_path):
    made = shop(tmp_path)
    made.write_contract()
    outside = tmp_path / "secret.csv"
    outside.write_text("a\n1\n")
    inside = made.settings.files
    inside.mkdir(parents=True)
    (inside / "ours.csv").write_text("a\n1\n")

    with Session(made.settings, load_contracts(made.settings.seeds), {"EUR": 2}) as session:
        with pytest.raises(duckdb.PermissionException):
            session.connection.execute(f"select * from read_csv('{outside}')")
        with pytest.raises(duckdb.Error):
            session.connection.execute("set enable_external_access = true")
        ours = session.connection.execute(f"select * from read_csv('{inside / 'ours.csv'}')")
        assert ours.fetchall() == [(1,)]


def test_a_home_whose_name_is_a_pattern_still_works(tmp_path):
    root = tmp_path / "a[b]*c"
    root.mkdir()
    made = shop(root)

    assert made.load_file("notes.csv", "note_id,words\nN-1,a\n").status == "loaded"


@pytest.mark.parametrize(
    ("limits", "more", "content", "fault_id"),
    [
        ({"max_file_mb": 1}, "", b"x" * 1_100_000, "A15"),
        ({}, "format: {max_columns: 2}", b"note_id,words,more\nN-1,a,b\n", "A15"),
        ({}, "format: {max_rows: 2}", b"note_id,words\nN-1,a\nN-2,b\nN-3,c\n", "A15"),
    ],
)
def test_sizes_over_a_limit_refuse_the_file(tmp_path, limits, more, content, fault_id):
    made = shop(tmp_path, more, **limits)

    result = made.load_file("notes.csv", content)

    assert (result.status, result.fault_id, result.rows_loaded) == ("refused", fault_id, 0)


def test_unpacking_stops_at_the_cap_and_leaves_nothing(tmp_path):
    made = shop(tmp_path, max_expanded_mb=17)
    content = b"note_id,words\n" + b"N-1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 600_000

    result = made.load_file("notes.csv.gz", content)

    assert (result.status, result.fault_id) == ("refused", "A14")
    assert not list(made.settings.scratch.glob("plain-*"))


def test_members_of_a_packed_file_follow_each_other(tmp_path):
    made = shop(tmp_path)
    parts = [b"note_id,words\nN-1,", b"a\nN-2", b",b\n"]
    path = made.land("notes.csv.gz", b"")
    path.write_bytes(b"".join(gzip.compress(part) for part in parts) + b"\0" * 512)

    assert made.load().files[0].rows_loaded == 2


def test_rubbish_behind_a_packed_file_refuses_it(tmp_path):
    made = shop(tmp_path)
    path = made.land("notes.csv.gz", b"")
    path.write_bytes(gzip.compress(b"note_id,words\nN-1,a\n") + b"rubbish")

    assert made.load().files[0].fault_id == "A14"


def test_a_packed_file_cut_off_is_refused(tmp_path):
    made = shop(tmp_path)
    packer = zlib.compressobj(wbits=31)
    whole = packer.compress(b"note_id,words\nN-1,a\n") + packer.flush()
    path = made.land("notes.csv.gz", b"")
    path.write_bytes(whole[:-5])

    assert made.load().files[0].fault_id == "A4"


def test_a_line_over_the_limit_costs_that_row_only(tmp_path):
    made = shop(tmp_path, "format: {max_line_bytes: 1000}")
    long = "x" * 5000

    result = made.load_file("notes.csv", f"note_id,words\nN-1,a\nN-2,{long}\nN-3,b\n")

    assert (result.rows_loaded, result.rows_rejected) == (2, 1)
    assert made.rows("select line, fault_id, length(row_text) < 2100 from raw.rejected_rows") == [
        (3, "A15", True)
    ]


def test_work_files_of_a_killed_load_are_swept(tmp_path):
    made = shop(tmp_path)
    for folder, name in ((made.settings.files, ".incoming-1"), (made.settings.scratch, "plain-x")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("half")

    made.load()

    assert not list(made.settings.files.iterdir())
    assert not list(made.settings.scratch.glob("plain-*"))
