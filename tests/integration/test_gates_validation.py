"""The validation gate: each order is judged, each failure kept, and what could not run is said."""

import pytest

from expectations import run_validation_gate
from expectations import runner as gate_runner
from expectations.gate_rules import gate_codes
from expectations.plan import RowRule
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse.connection import writer
from tests.integration.gates_support import home_settings, make_warehouse

CODES = gate_codes(PROJECT_ROOT / "seeds")
MANY = 20_000

_SUBJECTS = """
create table gates.int_gate_subjects (
    recon_key varchar, version_no bigint, gate_code varchar, tenant varchar, order_id varchar,
    expected_value varchar, actual_value varchar, breach_count bigint,
    deviation_amount decimal(18, 4), authority_amount decimal(18, 4),
    tolerance_amount decimal(18, 4), is_judged boolean
)
"""


@pytest.fixture
def settings(tmp_path):
    settings = home_settings(tmp_path / "home")
    make_warehouse(settings)
    with writer(settings) as connection:
        connection.execute("create schema if not exists gates")
        connection.execute(_SUBJECTS)
    return settings


def _add(settings, gate, count=1, *, breaches=0, deviation=0, authority=0, judged=True):
    with writer(settings) as connection:
        connection.execute(
            f"""
            insert into gates.int_gate_subjects
            select
                'rk1_' || i, 3, '{gate}', 'main', 'O-' || i, 'what is right', 'what is there',
                {breaches}, {deviation}, {authority}, 0, {judged}
            from range({count}) as rows(i)
            """
        )


def _failed(settings):
    with writer(settings) as connection:
        return connection.execute(
            "select expectation, recon_key, order_version_no, native_key, expected_value,"
            " actual_value from gates.failed_rows where gate = 'validation' order by all"
        ).fetchall()


def test_each_gate_is_one_expectation_that_bears_its_name(settings):
    for code in CODES:
        _add(settings, code)

    report = run_validation_gate(settings, 1)

    assert [check.expectation for check in report.checks] == list(CODES)
    assert all(check.success for check in report.checks)
    assert _failed(settings) == []


def test_a_failure_is_kept_with_its_order_and_stops_nothing(settings):
    _add(settings, "GATE_TERMS", breaches=1)
    _add(settings, "GATE_PRICE")

    report = run_validation_gate(settings, 1)

    assert report.passed
    assert [check.expectation for check in report.warnings] == ["GATE_TERMS"]
    assert _failed(settings) == [
        ("GATE_TERMS", "rk1_0", 3, "main/O-0", "what is right", "what is there")
    ]


@pytest.mark.parametrize(
    ("deviation", "authority", "judged", "fails"),
    [("100.00", "100.00", True, 0), ("100.0001", "100.00", True, 1), ("100.01", "0", False, 0)],
    ids=["up to the authority", "a hair beyond it", "not judged"],
)
def test_money_is_compared_exactly(settings, deviation, authority, judged, fails):
    _add(settings, "GATE_PRICE", deviation=deviation, authority=authority, judged=judged)

    run_validation_gate(settings, 1)

    assert len(_failed(settings)) == fails


def test_twenty_thousand_failures_are_all_kept(settings):
    _add(settings, "GATE_PRICE", MANY, deviation="5", authority="4.99")
    _add(settings, "GATE_DATES", MANY, breaches=2)
    _add(settings, "GATE_CREDIT", MANY, deviation="5", authority="5")

    report = run_validation_gate(settings, 1)

    failing = {check.expectation: check.unexpected_count for check in report.warnings}
    assert failing == {"GATE_PRICE": MANY, "GATE_DATES": MANY}
    assert len({row[:2] for row in _failed(settings)}) == 2 * MANY


def test_a_gate_that_cannot_run_says_so_and_the_others_still_judge(settings, monkeypatch):
    _add(settings, "GATE_TERMS", breaches=1)
    _add(settings, "GATE_DATES", breaches=1)
    whole = gate_runner.order_versions_suite

    def broken(rules, row_count):
        suite = whole(rules, row_count)
        checks = tuple(
            RowRule("GATE_TERMS", ("gate_code",), "no_such_column = 1", "It broke.")
            if check.name == "GATE_TERMS"
            else check
            for check in suite.checks
        )
        return gate_runner.replace(suite, checks=checks)

    monkeypatch.setattr(gate_runner, "order_versions_suite", broken)

    report = run_validation_gate(settings, 1)

    by_code = {check.expectation: check for check in report.checks}
    assert report.passed
    assert "error" in by_code["GATE_TERMS"].details
    assert {code for code, check in by_code.items() if "error" in check.details} == {"GATE_TERMS"}
    assert [row[0] for row in _failed(settings)] == ["GATE_DATES"]


def test_each_run_judges_every_order_anew(settings):
    _add(settings, "GATE_TERMS", breaches=1)
    run_validation_gate(settings, 1)
    with writer(settings) as connection:
        connection.execute("update gates.int_gate_subjects set breach_count = 0")

    run_validation_gate(settings, 2)

    assert _failed(settings) == []


def test_nothing_to_judge_imports_nothing(settings, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "expectations.engine", None)
    assert run_validation_gate(settings, 1).checks == ()
