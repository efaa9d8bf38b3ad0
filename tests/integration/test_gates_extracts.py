"""The source gate on whole extracts: no false alarm on ours, every real oddity of Olist's."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import expectations
from expectations import run_source_gate
from orchestration.generator.api import DEFAULT_AS_OF, generate
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse.connection import reader
from orchestration.warehouse.loader import load_landing
from tests.integration.gates_support import CONTRACTS, home_settings

SHARED_DATA = PROJECT_ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module", autouse=True)
def _warm():
    expectations.warm()


@pytest.fixture(scope="module")
def olist() -> Path:
    """The folder of Olist's extracts beside the repository."""
    if not (SHARED_DATA / "olist").is_dir():
        pytest.skip("needs the Olist extracts in ../shared/data/olist, which are not here")
    return SHARED_DATA


def _load_and_judge(home: Path, landing: Path, as_of: datetime):
    settings = home_settings(home)
    load_landing(settings, CONTRACTS, landing, as_of=as_of, run_no=1)
    return settings, run_source_gate(settings, CONTRACTS, 1, 0, as_of)


def _failed(report):
    return {
        (check.suite, check.expectation, check.severity): check.unexpected_count
        for check in report.checks
        if not check.success
    }


@pytest.mark.parametrize("defect_rate", [Decimal(0), Decimal(1)])
def test_generated_orders_raise_no_alarm_not_even_with_the_defects_of_reconciliation(
    tmp_path, defect_rate
):
    """A defect between documents is found by matching; each single row of it is in order."""
    made = generate(tmp_path / "landing", 400, seed=7, defect_rate=defect_rate)

    _, report = _load_and_judge(tmp_path / "home", made.folder, made.as_of)

    assert len({check.suite for check in report.checks}) > 15
    assert {name for name in _failed(report) if name[0] != "raw.files"} == set()


def test_the_samples_raise_no_alarm(tmp_path):
    samples = PROJECT_ROOT / "seeds" / "samples"

    _, report = _load_and_judge(tmp_path / "home", samples, DEFAULT_AS_OF)

    assert len({check.suite for check in report.checks}) > 10
    assert _failed(report) == {}


@pytest.mark.olist
def test_every_row_of_olist_that_contradicts_itself_is_kept_and_no_other(olist, tmp_path):
    """Counted here once more, from the files and by other means."""
    orders = f"read_csv('{olist}/olist/olist_orders_dataset.csv', header = true)"
    payments = f"read_csv('{olist}/olist/olist_order_payments_dataset.csv', header = true)"
    delivered, handed = "order_delivered_customer_date", "order_delivered_carrier_date"
    recount = {
        "delivered_after_handover": (orders, f"{delivered} < {handed}"),
        "handed_over_after_purchase": (orders, f"{handed} < order_purchase_timestamp"),
        "handed_over_after_approval": (orders, f"{handed} < order_approved_at"),
        "delivered_has_its_date": (
            orders,
            f"order_status = 'delivered' and {delivered} is null",
        ),
        "instalments_are_counted": (payments, "payment_installments < 1"),
    }
    expected = {
        name: {
            row[0]
            for row in duckdb.execute(f"select order_id from {table} where {where}").fetchall()
        }
        for name, (table, where) in recount.items()
    }

    settings, report = _load_and_judge(tmp_path / "home", olist, datetime(2026, 6, 1, tzinfo=UTC))

    assert report.passed
    with reader(settings.warehouse) as connection:
        kept = connection.execute(
            "select expectation, list(split_part(native_key, '/', 1))"
            " from gates.failed_rows group by expectation"
        ).fetchall()
    assert {name: set(keys) for name, keys in kept} == expected
    assert {name: len(keys) for name, keys in expected.items()} == {
        "delivered_after_handover": 23,
        "handed_over_after_purchase": 166,
        "handed_over_after_approval": 1359,
        "delivered_has_its_date": 8,
        "instalments_are_counted": 2,
    }
