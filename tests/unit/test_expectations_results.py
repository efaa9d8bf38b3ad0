"""Reports say what blocks, and are kept as data completely."""

import subprocess
import sys

import duckdb

from expectations.results import (
    GateCheck,
    GateReport,
    ensure_gate_tables,
    read_results,
    write_results,
)


def _check(**changes):
    return GateCheck(
        **{
            "suite": "generic.orders",
            "expectation": "key_is_complete",
            "severity": "critical",
            "success": True,
            "evaluated_count": 5000,
            "unexpected_count": 0,
            "details": {"reason": "A part of the key is missing: load it anew."},
            "columns": ("tenant", "order_id"),
            "batch": "rows of deliveries after 3",
            **changes,
        }
    )


def test_an_empty_report_passes():
    assert GateReport("source").passed


def test_only_critical_failures_block():
    warning = _check(severity="warning", success=False, unexpected_count=2)
    info = _check(severity="info", success=False, unexpected_count=2)
    report = GateReport("source", (_check(), warning, info))

    assert report.passed
    assert report.blocking_failures == ()
    assert report.warnings == (warning, info)
    assert report.message() == ""


def test_a_blocked_report_says_what_where_how_often_and_what_to_do():
    report = GateReport("source", (_check(success=False, unexpected_count=1000), _check()))

    assert not report.passed
    assert report.message() == (
        "generic.orders: key_is_complete fails for 1,000 of 5,000: "
        "A part of the key is missing: load it anew."
    )


def test_a_check_that_could_not_run_says_why():
    report = GateReport("source", (_check(success=False, details={"reason": "x", "error": "why"}),))
    assert report.message().endswith("why")


def test_results_are_read_back_as_they_were_written():
    connection = duckdb.connect()
    ensure_gate_tables(connection)
    ensure_gate_tables(connection)
    checks = (_check(), _check(expectation="size", severity="warning", columns=()))
    write_results(connection, "source", 4, checks)
    write_results(connection, "source", 5, (_check(suite="other"),))

    assert read_results(connection, 4) == (GateReport("source", checks),)
    assert read_results(connection, 6) == ()


def test_importing_the_package_imports_neither_great_expectations_nor_pandas():
    code = (
        "import sys, expectations, expectations.results;"
        "print([n for n in ('great_expectations', 'pandas', 'dagster') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
