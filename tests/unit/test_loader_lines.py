"""Regression: lines of a large file were told from rows that a join had put in another order.

Harm: a rejected row would have named another line than its own, or ended the whole run.
"""

from datetime import UTC, datetime

import duckdb
import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.settings import load_settings
from orchestration.warehouse.loader import load_landing

ROWS = 500_000
PADDING = "x" * 120  # DuckDB gives a thread 32 MB of a file at a time: several make it share
BAD_EVERY = 99_991


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    home, landing = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("landing")
    (landing / "generic").mkdir()
    with (landing / "generic" / "payments.csv").open("w", encoding="utf-8") as file:
        file.write("payment_id,kind,amount,currency,occurred_at,method\n")
        for line in range(2, ROWS + 2):
            amount = "many" if line % BAD_EVERY == 0 else "10.00"
            file.write(f"P{line},capture,{amount},EUR,2026-05-01T10:00:00Z,{PADDING}\n")
    settings = load_settings(home=home, landing=landing)
    load_landing(settings, load_contracts(settings.seeds), landing, datetime.now(UTC), 1)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        yield connection


def test_every_stored_row_names_its_own_line(loaded):
    wrong = loaded.execute(
        "select count(*) from raw.generic__payments where payment_id <> 'P' || _line"
    ).fetchone()

    assert wrong == (0,)


def test_every_rejected_row_names_its_own_line(loaded):
    rejected = loaded.execute("select line, row_text from raw.rejected_rows order by 1").fetchall()

    assert [line for line, _ in rejected] == list(range(BAD_EVERY, ROWS + 2, BAD_EVERY))
    assert all(text.startswith(f"P{line},") for line, text in rejected)
