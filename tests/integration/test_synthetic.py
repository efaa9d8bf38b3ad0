"""R-Q5: synthetic orders take the real path, are in no figure, and a changed outcome is told."""

from dataclasses import replace

import pytest

from expectations import run_published_gate
from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published
from tests.integration.run_homes import copy_home, meshline

DAY_BEFORE, NOW = "2026-06-09T01:00:00Z", "2026-06-10T01:00:00Z"
# What may tell of synthetic orders: that they came, what came of them, that they are accounted for.
TELLING = {"fct_orders", "fct_synthetic_results", "fct_source_accounting", "fct_files"}
# What tells of each run, not of orders.
OF_RUNS = {
    *("run_fingerprints", "fct_audit_events", "fct_gate_checks", "platform_feed_health"),
    *("ledger_heads", "fct_orders_history"),
}


@pytest.fixture(scope="module")
def days(first_run, tmp_path_factory):
    """A home after a day on which a case was tampered with, and one on which all is well."""
    home = copy_home(first_run[0], tmp_path_factory.mktemp("synthetic"))
    # At the same moment, and with the tickets known that the first run opened.
    again = meshline("run", "--home", home, "--as-of", NOW, "--full-refresh")
    assert again.exit_code == 0, again.stderr
    before = contents_of(home)
    meshline("synthetic", "land", "--home", home, "--as-of", DAY_BEFORE)
    payments = home / "landing" / "generic" / "payments_synthetic_20260609.csv"
    text = payments.read_text()
    assert text.count(",90.00,") == 1
    payments.write_text(text.replace(",90.00,", ",120.00,"))
    well = meshline("synthetic", "run", "--home", home, "--as-of", NOW, "--json")
    return home, before, well, contents_of(home)


def contents_of(home):
    """Every row of every mart, as text."""
    with open_published(load_settings(home=home)) as published:
        return {
            name: sorted(str(tuple(row.values())) for row in published.rows(f"from marts.{name}"))
            for name in published.tables
        }


def test_every_case_comes_out_as_expected(days):
    _, _, well, _ = days
    assert well.exit_code == 0, well.stderr + well.stdout
    results = well.document["results"]
    assert len(results) >= 12
    assert {row["result_code"] for row in results} == {"PASS"}
    assert "" in {row["expected_codes"] for row in results}, "one of them is sound"
    assert len({row["family_code"] for row in results}) >= 6


def test_no_mart_but_those_that_tell_of_them_has_a_trace_of_them(days):
    _, _, _, after = days
    traces = {
        name for name, rows in after.items() for row in rows if "SYN-" in row or "synthetic." in row
    }
    assert traces - OF_RUNS <= TELLING
    assert "fct_orders" in traces


def test_every_figure_is_what_it_was_without_them(days):
    _, before, _, after = days
    compared = set(before) - TELLING - OF_RUNS - {"fct_exceptions", "fct_exceptions_history"}
    assert {"fct_daily_metrics", "fct_order_legs", "fct_matches", "fct_artifacts"} <= compared
    assert {name for name in compared if before[name] != after[name]} == set()
    new = set(after["fct_exceptions"]) - set(before["fct_exceptions"])
    assert set(before["fct_exceptions"]) <= set(after["fct_exceptions"])
    assert ["SYS_SYNTHETIC_FAIL" in row for row in new] == [True]


def test_their_rows_are_accounted_for_apart(days):
    home, _, _, _ = days
    with open_published(load_settings(home=home)) as published:
        rows = published.rows(
            "select sum(row_count) as row_count from marts.fct_source_accounting "
            "where disposition = 'excluded' and reason_code = 'SYNTHETIC'"
        )
        orders = published.rows("select count(*) as n from marts.fct_orders where is_synthetic")
        states = published.rows(
            "select distinct state_code from marts.fct_orders where is_synthetic"
        )
    assert rows[0]["row_count"] > orders[0]["n"] > 20
    assert [row["state_code"] for row in states] == ["excluded"]


def test_a_changed_outcome_is_an_exception_and_fails_the_command(days):
    home, _, _, _ = days
    shown = meshline("synthetic", "show", "--home", home, "--days", "2", "--json")
    assert shown.exit_code == 1
    failed = [row for row in shown.document["results"] if row["result_code"] == "FAIL"]
    assert [(row["case_id"], row["actual_codes"]) for row in failed] == [("payment_short", "")]
    listed = meshline(
        "exceptions", "list", "--class", "SYS_SYNTHETIC_FAIL", "--home", home, "--json"
    )
    (found,) = listed.document["exceptions"]
    assert found["severity_code"] == "critical"
    assert "payment_short, should be PAY_SHORT" in found["explanation"]


def test_a_changed_outcome_can_keep_a_run_from_publishing(days, monkeypatch):
    home, _, _, _ = days
    monkeypatch.setenv("MESHLINE_SYNTHETIC_BLOCKS", "1")
    settings = load_settings(home=home)
    warned = run_published_gate(replace(settings, synthetic_blocks=False), 99)
    refused = run_published_gate(settings, 99, synthetic_blocks=settings.synthetic_blocks)
    assert warned.passed
    assert not refused.passed
    assert "synthetic_orders_come_out_as_expected" in refused.message()


def test_quality_and_value_map_answer_from_the_same_publication(days):
    home, _, _, _ = days
    quality = meshline("quality", "--home", home, "--json").document["targets"]
    by_code = {row["code"]: row for row in quality}
    assert list(by_code) == [f"R-Q{number}" for number in range(1, 7)]
    assert by_code["R-Q4"]["is_met"] is True
    assert by_code["R-Q5"]["is_met"] is True
    assert by_code["R-Q1"]["sample_count"] > 0
    value = meshline("value-map", "--home", home, "--limit", "2", "--json").document
    shares = [row["cumulative_rate"] for row in value["causes"]]
    assert shares == sorted(shares)
    assert 0 < value["vital_count"] <= len(value["causes"])
    assert value["accounts"]
    assert value["orders"]
    for command in (("quality",), ("value-map",), ("synthetic", "show")):
        said = meshline(*command, "--home", home)
        assert said.stdout.strip()
        assert "Traceback" not in said.stderr
