"""The audit trail as files of the console: every form says the same, to whom may take it.

What belongs here: what is in the files and who gets them. What does not: the proof beside an export
of the command line (`tests/ledger/test_export.py`).
"""

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pyarrow.parquet as pq
import pytest

from console.pages import audit
from orchestration.core.chain import COLUMNS
from orchestration.core.spreadsheets import plain_cell
from tests.console.desks import open_desk
from tests.integration.run_homes import copy_home


@pytest.fixture(scope="module")
def desk(first_run, tmp_path_factory):
    """A console over a home whose ledger has tickets."""
    home = copy_home(first_run[0], tmp_path_factory.mktemp("audit_files"))
    opened = open_desk(home)
    yield opened
    opened.close()


def taken(client, form: str, query: str = "") -> bytes:
    answer = client.get(f"/audit/export.{form}{query}")
    assert answer.status_code == 200, answer.text
    assert f'.{form}"' in answer.headers["content-disposition"]
    return answer.content


def test_all_forms_hold_the_same_events(desk, tmp_path):
    client = desk.client("control")
    rows = list(csv.reader(io.StringIO(taken(client, "csv").decode())))
    assert tuple(rows[0]) == COLUMNS
    as_csv = [[plain_cell(cell) for cell in row] for row in rows[1:]]
    path = tmp_path / "audit.parquet"
    path.write_bytes(taken(client, "parquet"))
    as_parquet = [
        ["" if cell is None else str(cell) for cell in row.values()]
        for row in pq.read_table(path).to_pylist()
    ]
    book = openpyxl.load_workbook(io.BytesIO(taken(client, "xlsx")), read_only=True)
    sheet = list(book.worksheets[0].iter_rows(values_only=True))
    as_sheet = [["" if cell is None else str(cell) for cell in row] for row in sheet[1:]]
    assert sheet[0] == COLUMNS
    assert as_csv == as_parquet == as_sheet
    assert len(as_csv) > 10


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet", "jsonl"])
def test_a_form_is_for_the_roles_that_may_take_it(desk, form):
    for role in ("sales_leader", "control"):
        rights = desk.state.policy.roles[role].downloads
        wanted = "csv" if form == "jsonl" else form
        answer = desk.client(role).get(f"/audit/export.{form}")
        assert answer.status_code == (200 if wanted in rights else 403)


def test_a_file_holds_what_the_search_found(desk):
    client = desk.client("control")
    text = taken(client, "csv", "?action=ticket_opened").decode()
    actions = {row["action"] for row in csv.DictReader(io.StringIO(text))}
    assert actions == {"ticket_opened"}
    today = f"{datetime.now(UTC):%Y%m%d}"
    answer = client.get("/audit/export.csv?actor=nobody-at-all")
    assert f"meshline-audit-{today}.csv" in answer.headers["content-disposition"]
    assert len(answer.text.splitlines()) == 1


def test_more_events_than_a_sheet_has_rows_are_refused_in_words(desk, monkeypatch):
    monkeypatch.setattr(audit, "ROWS_A_SHEET", 5)
    answer = desk.client("control").get("/audit/export.xlsx")
    assert answer.status_code == 409
    assert "a spreadsheet holds 5" in answer.text
    assert "CSV or Parquet" in answer.text
    assert not list(desk.state.snapshots.scratch.glob("*.xlsx"))


def test_no_other_form_is_promised(desk):
    answer = desk.client("control").get("/audit/export.pdf")
    assert answer.status_code == 404
    assert "csv, xlsx, parquet, jsonl" in answer.text
