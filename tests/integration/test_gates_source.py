"""The source gate: what breaks a critical check blocks, and every failing row is kept (R-F2)."""

from datetime import UTC, datetime

import pytest

import expectations
from expectations import run_source_gate
from expectations.results import read_results
from orchestration.settings import Settings
from orchestration.warehouse.connection import reader, writer
from tests.integration.gates_support import (
    CONTRACTS,
    GENERIC,
    home_settings,
    insert_rows,
    make_warehouse,
)

AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def _warm():
    expectations.warm()


@pytest.fixture
def settings(tmp_path) -> Settings:
    settings = home_settings(tmp_path / "home")
    make_warehouse(settings)
    return settings


def _insert(settings: Settings, stream: str, count: int, **options) -> None:
    with writer(settings) as connection:
        insert_rows(connection, GENERIC[stream], count, **options)


def _gate(settings: Settings, *, run_no: int = 1, after: int = 0):
    return run_source_gate(settings, CONTRACTS, run_no, after, AS_OF)


def _rows(settings: Settings, query: str):
    with reader(settings.warehouse) as connection:
        return connection.execute(query).fetchall()


def _failed(report):
    return {
        (check.suite, check.expectation, check.severity, check.unexpected_count)
        for check in report.checks
        if not check.success
    }


def test_plausible_rows_pass_every_check_of_their_stream(settings):
    for stream in GENERIC:
        _insert(settings, stream, 20)

    report = _gate(settings)

    assert report.passed
    assert _failed(report) == set()
    assert {check.suite for check in report.checks} == {f"generic.{name}" for name in GENERIC}
    assert all(check.evaluated_count for check in report.checks)


def test_a_thousand_broken_rows_of_five_thousand_block_and_are_all_kept(settings):
    _insert(
        settings,
        "orders",
        5000,
        values={"order_id": "case when i % 5 = 0 then null else 'O-' || i end"},
    )

    report = _gate(settings)

    assert not report.passed
    (check,) = report.blocking_failures
    assert (check.suite, check.expectation) == ("generic.orders", "key_is_complete")
    assert (check.evaluated_count, check.unexpected_count) == (5000, 1000)
    assert "1,000 of 5,000" in report.message()
    assert _rows(
        settings,
        """
        select count(*), count(distinct line), min(line), max(line),
            count(*) filter (where source = 'generic' and stream = 'orders' and load_seq = 1)
        from gates.failed_rows where expectation = 'key_is_complete' and severity = 'critical'
        """,
    ) == [(1000, 1000, 2, 4997, 1000)]


def test_a_value_outside_the_contract_blocks_and_says_what_would_have_been_right(settings):
    _insert(settings, "orders", 10, values={"status": "case i when 3 then 'lost' end"})

    report = _gate(settings)

    assert _failed(report) == {("generic.orders", "status_in_allowed_values", "critical", 1)}
    assert _rows(
        settings,
        "select native_key, line, expected_value, actual_value, reason is not null"
        " from gates.failed_rows",
    ) == [("order_id-3", 5, "one of draft, confirmed, cancelled, closed", "lost", True)]


def test_a_missing_or_retyped_column_blocks_and_is_named(settings):
    _insert(settings, "shipments", 3)
    with writer(settings) as connection:
        connection.execute("alter table raw.generic__shipments drop column tracking_no")
        connection.execute("alter table raw.generic__shipments alter status type bigint using 1")

    report = _gate(settings)

    by_name = {check.expectation: check for check in report.checks}
    wrong = by_name["columns_and_types"].details["columns"]
    assert not report.passed
    assert wrong == {
        "tracking_no": {"expected": "varchar", "found": "missing"},
        "status": {"expected": "varchar", "found": "bigint"},
    }


def test_a_check_that_cannot_run_blocks_whatever_its_severity(settings):
    _insert(settings, "customers", 3)
    with writer(settings) as connection:
        connection.execute("alter table raw.generic__customers drop column churn_risk")

    report = _gate(settings)

    blocked = {check.expectation: check for check in report.blocking_failures}
    assert "error" in blocked["churn_risk_is_a_share"].details


def test_a_single_contradiction_warns_and_keeps_its_row_with_expected_and_actual(settings):
    _insert(
        settings,
        "settlement_lines",
        50,
        values={
            "net_amount": "case when i = 7 then 9.99 else 8.5 - 0.5 end",
            "fee_tax_amount": "0.5",
        },
    )

    report = _gate(settings)

    assert report.passed
    assert [check.expectation for check in report.warnings] == ["net_is_gross_less_deductions"]
    assert _rows(
        settings,
        "select native_key, load_seq, line, severity, expected_value, actual_value"
        " from gates.failed_rows",
    ) == [("batch_id-7/line_no-7", 1, 9, "warning", "8.0000", "9.9900")]


def test_the_same_contradiction_all_over_a_delivery_blocks(settings):
    _insert(settings, "payments", 1000, values={"amount": "case when i < 100 then -1 else 1 end"})

    report = _gate(settings)

    assert _failed(report) == {("generic.payments", "amount_is_not_negative", "critical", 100)}
    assert _rows(settings, "select count(*), any_value(severity) from gates.failed_rows") == [
        (100, "critical")
    ]


def test_only_rows_of_later_deliveries_are_judged(settings):
    _insert(settings, "orders", 5, load_seq=1, values={"order_id": "null"})
    _insert(settings, "orders", 7, load_seq=2)

    report = _gate(settings, run_no=2, after=1)

    assert report.passed
    assert {check.evaluated_count for check in report.checks} >= {7}
    assert 5 not in {check.evaluated_count for check in report.checks}


def test_deleted_rows_are_not_judged(settings):
    _insert(settings, "orders", 5, values={"_is_deleted": "true", "status": "'lost'"})
    _insert(settings, "orders", 1, load_seq=2)

    assert _gate(settings).passed


def test_nothing_new_is_answered_without_importing_anything(settings, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "expectations.engine", None)

    report = _gate(settings, after=9)

    assert report.checks == ()
    assert report.passed
    assert _rows(settings, "select count(*) from gates.validation_results") == [(0,)]


def test_judging_the_same_rows_again_replaces_the_earlier_verdict(settings):
    """Regression: a run that was killed after its gate must not leave each row twice."""
    _insert(settings, "shipments", 4, values={"delivered_at": "timestamp '2025-01-01'"})

    _gate(settings, run_no=1)
    _gate(settings, run_no=1)
    _gate(settings, run_no=2)

    assert _rows(settings, "select run_no, count(*) from gates.failed_rows group by all") == [
        (2, 4)
    ]
    assert _rows(
        settings, "select count(distinct run_no), count(*) > 2 from gates.validation_results"
    ) == [(2, True)]


def test_verdicts_on_earlier_deliveries_stay(settings):
    _insert(settings, "shipments", 4, values={"delivered_at": "timestamp '2025-01-01'"})
    _gate(settings, run_no=1)
    _insert(settings, "shipments", 2, load_seq=2)
    _gate(settings, run_no=2, after=1)

    assert _rows(settings, "select run_no, count(*) from gates.failed_rows group by all") == [
        (1, 4)
    ]


def test_an_unusual_delivery_warns_with_its_file(settings):
    with writer(settings) as connection:
        for load_seq in range(1, 7):
            rows = 1000 if load_seq < 6 else 10
            connection.execute(
                "insert into raw.files (load_seq, source, stream, file_name, status, rows_read,"
                " rows_loaded, rows_duplicate, rows_rejected)"
                " values (?, 'generic', 'orders', 'orders_' || ? || '.csv', 'loaded', ?, ?, 0, 1)",
                [load_seq, load_seq, rows, rows - 1],
            )
        insert_rows(connection, GENERIC["orders"], 9, load_seq=6)

    report = _gate(settings, run_no=6, after=5)

    assert report.passed
    assert _rows(
        settings,
        "select expectation, source, stream, load_seq, line, native_key, expected_value,"
        " actual_value from gates.failed_rows order by 1",
    ) == [
        (
            "few_rows_are_rejected", "generic", "orders", 6, None, "orders_6.csv",
            "at most 50 in 1000 rejected", "1 of 10",
        ),
        ("size_is_usual", "generic", "orders", 6, None, "orders_6.csv", "about 1000 rows", "10"),
    ]  # fmt: skip


def test_the_report_is_read_back_from_the_warehouse_as_it_was_returned(settings):
    _insert(settings, "shipments", 4, values={"delivered_at": "timestamp '2025-01-01'"})

    report = _gate(settings, run_no=3)

    with reader(settings.warehouse) as connection:
        (kept,) = read_results(connection, 3)
    assert sorted(kept.checks, key=str) == sorted(report.checks, key=str)


def test_hostile_texts_are_kept_as_data(settings):
    _insert(
        settings,
        "orders",
        3,
        values={
            "order_id": "$$'; drop table raw.generic__orders; --%s :x ?$$ || i",
            "status": "$$lo''st; drop%$$",
        },
    )

    report = _gate(settings)

    assert _failed(report) == {("generic.orders", "status_in_allowed_values", "critical", 3)}
    assert _rows(settings, "select count(*) from raw.generic__orders") == [(3,)]
    assert _rows(settings, "select min(native_key), min(actual_value) from gates.failed_rows") == [
        ("'; drop table raw.generic__orders; --%s :x ?0", "lo''st; drop%")
    ]


def test_money_is_compared_exactly(settings):
    """39794.40 + 61668.00 + 33487.70 = 134950.10 is false in floating point."""
    _insert(
        settings,
        "invoices",
        2,
        values={
            "net_amount": "39794.40 + 61668.00",
            "tax_amount": "33487.70",
            "total_amount": "case i when 0 then 134950.10 else 134950.1001 end",
        },
    )

    report = _gate(settings)

    assert _failed(report) == {("generic.invoices", "total_is_net_and_tax", "warning", 1)}
