"""R-D5: proposed rules are decided beside the released ones, and nothing of the home changes."""

import csv

import pytest

from orchestration.core.spreadsheets import safe_cell
from orchestration.settings import PROJECT_ROOT, load_settings
from orchestration.warehouse.shadow_results import list_results
from tests.integration.run_homes import meshline

RULES = PROJECT_ROOT / "seeds" / "rules" / "matching_rules.csv"


def _lenient(folder):
    """The matching rules with a payment tolerance of a hundred, as version 2."""
    with RULES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    changed = next(row for row in rows if row["rule_id"] == "PAY-KEYED")
    changed |= {"rule_version": "2", "under_amount": "100.00", "over_amount": "100.00"}
    path = folder / RULES.name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _state(home):
    """What readers see of a home: the published file and everything in the serving folder."""
    serving = home / "serving"
    return {path.name: path.stat().st_mtime_ns for path in serving.iterdir()}


def test_a_proposed_tolerance_shows_which_orders_change_and_leaves_the_home_alone(
    published_home, tmp_path
):
    before = _state(published_home)
    out = tmp_path / "orders.csv"
    said = meshline(
        *("rules", "shadow", _lenient(tmp_path), "--home", published_home),
        *("--out", out, "--json"),
    )
    assert said.exit_code == 0, said.stderr
    found = said.document
    gone = {one["exception_code"]: one["gone_count"] for one in found["classes"]}
    assert gone["PAY_SHORT"] > 0
    assert all(one["new_count"] == 0 for one in found["classes"])
    changed = {one["order_id"]: one for one in found["orders"]}
    assert changed
    assert all("PAY_SHORT" not in one["after_codes"] for one in changed.values())
    with out.open(encoding="utf-8", newline="") as file:
        assert {row["order_id"] for row in csv.DictReader(file)} == set(changed)
    assert _state(published_home) == before
    assert [one["file"] for one in found["proposals"]] == ["rules/matching_rules.csv"]
    # What it showed is kept in the home, for the console.
    (kept,) = list_results(load_settings(home=published_home))
    assert kept.result_id == found["result_id"]
    assert [one["rule_id"] for one in kept.versions] == ["PAY-KEYED"]
    assert {one["order_id"] for one in kept.orders} == set(changed)
    assert [one["gone_count"] for one in kept.classes] == [
        one["gone_count"] for one in found["classes"]
    ]


def test_every_problem_of_a_proposal_is_told_at_once(published_home, tmp_path):
    (tmp_path / "gates.csv").write_text("gate_code,colour\nGATE_PRICE,red\n", encoding="utf-8")
    (tmp_path / "no_such_rules.csv").write_text("a\n", encoding="utf-8")
    said = meshline("rules", "shadow", tmp_path, "--home", published_home)
    assert said.exit_code == 2
    assert "gates.csv:1 has the columns gate_code, colour" in said.stderr
    assert "no_such_rules.csv: no released file has this name" in said.stderr


@pytest.mark.parametrize(
    ("value", "cell"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-5", "'-5"), (-5, -5), ("plain", "plain"), ("", "")],
)
def test_a_cell_is_no_formula(value, cell):
    assert safe_cell(value) == cell
