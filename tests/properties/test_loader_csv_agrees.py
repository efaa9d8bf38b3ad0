"""Whatever DuckDB is allowed to read directly, the line-by-line reader reads the same way."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.core.contracts import ColumnContract, ColumnType, FileFormat, StreamContract
from orchestration.settings import Settings
from orchestration.warehouse.loader_archive import Archived
from orchestration.warehouse.loader_csv import open_csv
from orchestration.warehouse.loader_drift import make_plan
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_pass import check_file
from orchestration.warehouse.loader_staging import drop_stage

COLUMNS = {
    "a": ColumnContract(type=ColumnType.STRING, required=True, nullable=True),
    "b": ColumnContract(type=ColumnType.STRING),
    "c": ColumnContract(type=ColumnType.STRING),
}
FORMATS = (
    FileFormat(final_newline="optional"),
    FileFormat(final_newline="optional", delimiter=";", quote="'"),
    FileFormat(final_newline="optional", escape="\\"),
    FileFormat(final_newline="optional", quote=None),
    FileFormat(final_newline="optional", delimiter="\t"),
)
MARKS = (",", ";", "\t", '"', '""', "'", "''", "\\", "\n", "\r\n", "\r", "\n\n", '","', '"\n"')
WORDS = ("x", "1", "é", " ", "NULL", "#", "\x00", "\x1f", ", ", ' "', '" ')
CELLS = st.text(alphabet="xy\"', ;\t\n\\é", max_size=5)
ODD = st.lists(st.sampled_from(MARKS + WORDS), max_size=25).map("".join)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def lines(rows: list[str]) -> str:
    return "".join(row + "\n" for row in rows)


SOUND = st.lists(
    st.tuples(CELLS, CELLS, CELLS).map(lambda row: ",".join(map(quoted, row))), max_size=6
).map(lines)
PLAIN = st.lists(
    st.lists(st.text(alphabet="xy1é' ", max_size=4), min_size=2, max_size=4).map(",".join),
    max_size=6,
).map(lines)


@contextmanager
def workplace() -> Iterator[tuple[duckdb.DuckDBPyConnection, Settings]]:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set threads = 1")
        home = Path(folder)
        yield connection, Settings(home=home, landing=home)


def rows_of(connection, place: Settings, content: bytes, form: FileFormat, *, directly: bool):
    """Return the rows as read one way or the other; the fault id where the file is refused."""
    stream = StreamContract(
        name="s",
        source="m",
        entity="e",
        key=("a",),
        columns=COLUMNS,
        format=form,
        extra_columns="allowed",
    )
    path = place.home / "file.csv"
    path.write_bytes(content)
    archived = Archived("0" * 64, path, len(content), "csv", packed=False)
    try:
        reader = open_csv(connection, archived, form, place, vouched=True)
        plan = make_plan(reader, stream, tuple(COLUMNS), {"EUR": 2}, date(2026, 1, 1))
        if not directly:
            reader.direct = lambda: None
        checked = check_file(connection, reader, plan, place)
        rows = connection.execute("select _line, a, b, c, _extra, _ok from checked").fetchall()
    except Refused as refused:
        return refused.fault_id
    else:
        return [checked.rejects, *rows]
    finally:
        drop_stage(connection)


@given(body=ODD | SOUND | PLAIN, form=st.sampled_from(FORMATS), width=st.integers(2, 3))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@example(body="1,2,\n", form=FORMATS[0], width=2)
@example(body='1, "x"\n', form=FORMATS[0], width=2)
@example(body='1,"x" \n', form=FORMATS[0], width=2)
@example(body="1,'\n2,'x\n", form=FORMATS[0], width=2)
@example(body='5" pipe,x\n', form=FORMATS[3], width=2)
def test_a_direct_reading_is_an_exact_one(body, form, width):
    delimiter = form.delimiter or ","
    header = delimiter.join("abc"[:width])
    content = f"{header}\n{body}".encode()
    with workplace() as (connection, place):
        directly = rows_of(connection, place, content, form, directly=True)
        exactly = rows_of(connection, place, content, form, directly=False)

        assert directly == exactly, content
