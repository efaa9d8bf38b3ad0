"""dbt's own unit tests, which `_*__unit_tests.yml` holds beside the models; runs leave them out.

They prove the SQL of each rule on rows made for it: one that passes, one that fails, and the edge.
"""

import re
from pathlib import Path

import pytest

from tests.dbt.project import DBT_PROJECT
from tests.scenarios.reading import cases

# Rules decide what an order, a group, a row or a document is; their models owe a unit test.
RULE_FOLDERS = (
    "accounting",
    "artifacts",
    "exceptions",
    "gates",
    "identity",
    "legs",
    "matching",
    "orders",
    "periods",
    "states",
)
# Models that decide nothing: they union, append or look up what others decided.
WITHOUT_RULES = {
    "int_audit_events",  # hands on what the ledger holds
    "int_evidence",  # unions the legs
    "int_evidence__settlement_batch",  # renames what int_settlement_batches__computed decides
    "int_expectations__settlement_batch",  # renames what int_settlement_batches__computed decides
    "int_set_aside_rows__settlement",  # hands on the reasons of the models that decide
    "int_evidence__seller_split",  # renames; its references resolve as those of payments do
    "int_expectations",  # unions the legs
    "int_files",  # hands on what the loader wrote
    "int_gate_checks",  # hands on what the gates wrote
    "int_item_texts__bank",  # puts texts together
    "int_item_texts__payment",  # puts texts together
    "int_nearest_misses",  # hands on what the matching step wrote
    "int_order_lines__current",  # looks up the current version
    "int_orders",  # looks up customer, terms and policy
    "int_synthetic_outcomes",  # tests/integration/test_synthetic.py breaks its cases
    "int_suggested_groups",  # hands on what the matching step wrote
    "int_state_history",  # appends what int_state_changes found
    "int_evidence__fulfilment",  # hands on what int_shipment_lines__resolved decides
}
# Models whose rules show only together with their neighbours: a scenario that fails without them.
PROVEN_BY_SCENARIOS = {
    "int_artifact_lines": "A02",
    "int_artifact_documents__billing": "A01",
    "int_artifact_documents__fulfilment": "A01",
    "int_artifact_documents__revenue": "A02",
    "int_artifact_documents__sellers": "A04",
    "int_artifacts": "A05",
    "int_billable_events": "E31a",
    "int_billed_lines": "E31a",
    "int_billed_orders": "E31a",
    "int_shipped_lines": "E31a",
    "int_invoice_rows__placed": "E31a",
    "int_set_aside_rows__billing": "E31a",
    "int_evidence__invoice": "E31a",
    "int_expectations__invoice": "E31a",
    "int_invoice_rows__apart": "E40a",
    "int_billing_effects": "E40a",
    "int_exceptions__billing": "E40a",
    "int_order_lines__billable": "E97a",
    "int_order_lines__contributed": "E97a",
    "int_planned_orders": "E101a",
    "int_billing_plan_rows__placed": "E101a",
    "int_evidence__billing_plan": "E101a",
    "int_expectations__billing_plan": "E101a",
    "int_exceptions__billing_plan": "E101a",
    "int_exceptions__delivery": "E35",
    "int_scheduled_orders": "F44",
    "int_revenue_rows__placed": "F44",
    "int_evidence__revenue": "F44",
    "int_expectations__revenue": "F44",
    "int_exceptions__revenue": "F44",
    "int_exceptions__treatment": "E104b",
    "int_backdated_amendments": "E97i",
    "int_exceptions__restated": "E91a",
    "int_invoiced_orders": "E61a",
    "int_orders_closed_short": "E31c",
    "int_returned_lines": "E02b",
    "int_legs_in_use": "E52",
    "int_evidence__payout": "E113a",
    "int_expectations__payout": "E113a",
}


@pytest.fixture(scope="module")
def unit_test_results(built_home) -> dict[str, str]:
    """Run all unit tests by one call of dbt and return the message of each that does not pass."""
    done = built_home.dbt("test", "--select", "test_type:unit")
    results = built_home.results()
    assert results, done.stdout
    return {
        name: done.stdout if result["status"] == "fail" else result["message"]
        for name, result in results.items()
        if result["status"] != "pass"
    }


def test_every_unit_test_passes(unit_test_results):
    assert not unit_test_results, "\n".join(unit_test_results.values())


def test_every_model_that_decides_something_has_a_unit_test(built_home):
    tested = {node["model"] for node in built_home.manifest()["unit_tests"].values()}
    owing = {
        path.stem
        for folder in RULE_FOLDERS
        for path in (DBT_PROJECT / "models" / "intermediate" / folder).glob("*.sql")
    }
    assert owing >= WITHOUT_RULES, "a model that is gone is excused"
    assert not owing - tested - WITHOUT_RULES - set(PROVEN_BY_SCENARIOS)
    assert not tested & set(PROVEN_BY_SCENARIOS), "a model with a unit test needs no scenario"
    shown = {case.case_id for case in cases()}
    assert set(PROVEN_BY_SCENARIOS.values()) <= shown
    assert not WITHOUT_RULES & tested, "a model with a unit test needs no excuse"


@pytest.mark.parametrize(
    "path",
    sorted((DBT_PROJECT / "models").rglob("_*__unit_tests.yml")),
    ids=lambda path: path.parent.name,
)
def test_every_unit_test_says_what_it_shows(path: Path):
    text = path.read_text(encoding="utf-8")
    names = re.findall(r"^  - name: (\w+)$", text, re.MULTILINE)
    assert names
    assert len(re.findall(r"^    description: \S", text, re.MULTILINE)) == len(names)
