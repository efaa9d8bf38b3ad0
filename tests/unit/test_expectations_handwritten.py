"""Every hand-written rule has a passing, a failing and an edge row (R-F2, issue item 7)."""

from datetime import UTC, datetime

import duckdb
import pytest

from expectations.handwritten import RULES_BY_SOURCE
from expectations.plan import RowRule
from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import RAW_TYPES
from orchestration.settings import PROJECT_ROOT

CONTRACTS = load_contracts(PROJECT_ROOT / "seeds")

PASSING, FAILING, EDGE = "passing", "failing", "edge"

# (source, stream, rule): a row that holds, one that fails, and one on the border, which holds.
ROWS = {
    ("generic", "customers", "churn_risk_is_a_share"): (
        {"churn_risk": "0.3"},
        {"churn_risk": "30"},
        {"churn_risk": "1"},
    ),
    ("generic", "customers", "credit_limit_is_not_negative"): (
        {"credit_limit": "100"},
        {"credit_limit": "-0.0001"},
        {"credit_limit": "0"},
    ),
    ("generic", "people", "approval_limit_is_not_negative"): (
        {"approval_limit": "100"},
        {"approval_limit": "-1"},
        {"approval_limit": "0"},
    ),
    ("generic", "people", "person_does_not_manage_themself"): (
        {"person_id": "p1", "manager_id": "p2"},
        {"person_id": "p1", "manager_id": "p1"},
        {"person_id": "p1", "manager_id": None},
    ),
    ("generic", "price_book", "unit_price_is_not_negative"): (
        {"unit_price": "9.90"},
        {"unit_price": "-0.000000000001"},
        {"unit_price": "0"},
    ),
    ("generic", "price_book", "valid_to_after_from"): (
        {"valid_from": "2026-01-01", "valid_to": "2026-12-31"},
        {"valid_from": "2026-01-02", "valid_to": "2026-01-01"},
        {"valid_from": "2026-01-01", "valid_to": "2026-01-01"},
    ),
    ("generic", "sellers", "commission_rate_is_a_share"): (
        {"commission_rate": "0.15"},
        {"commission_rate": "15"},
        {"commission_rate": "0"},
    ),
    ("generic", "contracts", "ends_after_start"): (
        {"start_on": "2026-01-01", "end_on": "2026-12-31"},
        {"start_on": "2026-01-01", "end_on": "2025-12-31"},
        {"start_on": "2026-01-01", "end_on": "2026-01-01"},
    ),
    ("generic", "orders", "total_not_negative_unless_reduced"): (
        {"order_type": "return", "total_amount": "-10"},
        {"order_type": "commerce", "total_amount": "-0.0001"},
        {"order_type": "commerce", "total_amount": "0"},
    ),
    ("generic", "orders", "ends_after_effective"): (
        {"effective_on": "2026-01-01", "ends_on": "2026-12-31"},
        {"effective_on": "2026-01-01", "ends_on": "2025-12-31"},
        {"effective_on": "2026-01-01", "ends_on": "2026-01-01"},
    ),
    ("generic", "orders", "amendment_names_its_order"): (
        {"order_type": "amendment", "amends_order_id": "O-1"},
        {"order_type": "amendment", "amends_order_id": None},
        {"order_type": "renewal", "amends_order_id": None},
    ),
    ("generic", "orders", "order_does_not_amend_itself"): (
        {"order_id": "O-2", "amends_order_id": "O-1", "renews_order_id": None},
        {"order_id": "O-2", "amends_order_id": None, "renews_order_id": "O-2"},
        {"order_id": "O-2", "amends_order_id": None, "renews_order_id": None},
    ),
    ("generic", "invoices", "total_is_net_and_tax"): (
        {"net_amount": "39794.40", "tax_amount": "7560.9360", "total_amount": "47355.3360"},
        {"net_amount": "100", "tax_amount": "19", "total_amount": "119.0001"},
        {"net_amount": "100", "tax_amount": None, "total_amount": "100"},
    ),
    ("generic", "invoices", "due_after_issue"): (
        {"issued_at": "2026-01-05 10:00:00", "due_on": "2026-02-04"},
        {"issued_at": "2026-01-05 10:00:00", "due_on": "2026-01-03"},
        {"issued_at": "2026-01-05 00:30:00", "due_on": "2026-01-04"},
    ),
    ("generic", "invoice_lines", "service_ends_after_start"): (
        {"service_start_on": "2026-01-01", "service_end_on": "2026-02-01"},
        {"service_start_on": "2026-01-02", "service_end_on": "2026-01-01"},
        {"service_start_on": None, "service_end_on": "2026-01-01"},
    ),
    ("generic", "payments", "amount_is_not_negative"): (
        {"amount": "12.50"},
        {"amount": "-12.50"},
        {"amount": "0"},
    ),
    ("generic", "settlement_lines", "net_is_gross_less_deductions"): (
        {"gross_amount": "100", "fee_amount": "2", "fee_tax_amount": "0.36", "net_amount": "97.64"},
        {"gross_amount": "100", "fee_amount": "2", "fee_tax_amount": "0.36", "net_amount": "98"},
        {
            "gross_amount": "100",
            "fee_amount": "-2",
            "fee_tax_amount": "-0.36",
            "net_amount": "97.64",
        },
    ),
    ("generic", "settlement_lines", "fx_rate_is_positive"): (
        {"fx_rate": "1.08"},
        {"fx_rate": "0"},
        {"fx_rate": "0.000000000001"},
    ),
    ("generic", "shipments", "delivered_after_shipped"): (
        {"shipped_at": "2026-01-01 10:00:00", "delivered_at": "2026-01-02 10:00:00"},
        {"shipped_at": "2026-01-01 10:00:00", "delivered_at": "2026-01-01 09:59:59"},
        {"shipped_at": "2026-01-01 10:00:00", "delivered_at": "2026-01-01 10:00:00"},
    ),
    ("generic", "billing_plans", "service_ends_after_start"): (
        {"service_start_on": "2026-01-01", "service_end_on": "2026-02-01"},
        {"service_start_on": "2026-01-02", "service_end_on": "2026-01-01"},
        {"service_start_on": "2026-01-01", "service_end_on": "2026-01-01"},
    ),
    ("generic", "seller_statements", "net_is_gross_less_deductions"): (
        {
            "gross_amount": "120",
            "commission_amount": "18",
            "fee_amount": "3.66",
            "withholding_amount": "0",
            "net_amount": "98.34",
        },
        {
            "gross_amount": "120",
            "commission_amount": "18",
            "fee_amount": "3.66",
            "withholding_amount": "0",
            "net_amount": "98.35",
        },
        {
            "gross_amount": "120",
            "commission_amount": None,
            "fee_amount": None,
            "withholding_amount": None,
            "net_amount": "102",
        },
    ),
    ("generic", "fx_rates", "rate_is_positive"): ({"rate": "1.1"}, {"rate": "-1"}, {"rate": None}),
    ("generic", "completeness", "row_count_is_not_negative"): (
        {"row_count": "7"},
        {"row_count": "-1"},
        {"row_count": "0"},
    ),
    ("olist", "orders", "delivered_after_handover"): (
        {
            "order_delivered_carrier_date": "2018-01-01 10:00:00",
            "order_delivered_customer_date": "2018-01-03 10:00:00",
        },
        {
            "order_delivered_carrier_date": "2018-01-03 10:00:00",
            "order_delivered_customer_date": "2018-01-01 10:00:00",
        },
        {"order_delivered_carrier_date": "2018-01-03 10:00:00"},
    ),
    ("olist", "orders", "handed_over_after_purchase"): (
        {
            "order_purchase_timestamp": "2018-01-01 10:00:00",
            "order_delivered_carrier_date": "2018-01-02 10:00:00",
        },
        {
            "order_purchase_timestamp": "2018-01-02 10:00:00",
            "order_delivered_carrier_date": "2018-01-01 10:00:00",
        },
        {
            "order_purchase_timestamp": "2018-01-01 10:00:00",
            "order_delivered_carrier_date": "2018-01-01 10:00:00",
        },
    ),
    ("olist", "orders", "delivered_has_its_date"): (
        {"order_status": "delivered", "order_delivered_customer_date": "2018-01-03 10:00:00"},
        {"order_status": "delivered", "order_delivered_customer_date": None},
        {"order_status": "shipped", "order_delivered_customer_date": None},
    ),
    ("olist", "orders", "handed_over_after_approval"): (
        {
            "order_approved_at": "2018-01-01 10:00:00",
            "order_delivered_carrier_date": "2018-01-02 10:00:00",
        },
        {
            "order_approved_at": "2018-01-02 10:00:00",
            "order_delivered_carrier_date": "2018-01-01 10:00:00",
        },
        {"order_approved_at": None, "order_delivered_carrier_date": "2018-01-01 10:00:00"},
    ),
    ("olist", "order_items", "amounts_are_not_negative"): (
        {"price": "10", "freight_value": "5"},
        {"price": "10", "freight_value": "-0.01"},
        {"price": "0", "freight_value": "0"},
    ),
    ("olist", "order_payments", "amount_is_not_negative"): (
        {"payment_value": "10"},
        {"payment_value": "-0.01"},
        {"payment_value": "0"},
    ),
    ("olist", "order_payments", "instalments_are_counted"): (
        {"payment_installments": "8"},
        {"payment_installments": "0"},
        {"payment_installments": "1"},
    ),
}


def _all_rules() -> list[tuple[tuple[str, str, str], RowRule]]:
    return [
        ((source, stream, rule.name), rule)
        for source, streams in RULES_BY_SOURCE.items()
        for stream, rules in streams.items()
        for rule in rules
    ]


IDS = ["-".join(name) for name, _ in _all_rules()]


def _judge(source: str, stream: str, rule: RowRule, row: dict[str, str | None]):
    """Return whether the row holds, and its expected and actual texts, typed as in raw."""
    columns = CONTRACTS[source].streams[stream].columns
    cells = ", ".join(
        f"cast(? as {RAW_TYPES[columns[name].type]}) as {name}" for name in rule.columns
    )
    return duckdb.execute(
        f"select coalesce(({rule.condition}), true), {rule.expected_sql}, {rule.actual_sql}"
        f" from (select {cells})",
        [row.get(name) for name in rule.columns],
    ).fetchone()


def test_every_rule_has_its_rows_and_every_row_its_rule():
    assert {name for name, _ in _all_rules()} == set(ROWS)


@pytest.mark.parametrize(("name", "rule"), _all_rules(), ids=IDS)
def test_a_rule_tells_right_rows_from_wrong_ones(name, rule):
    source, stream, _ = name
    passing, failing, edge = ROWS[name]

    assert _judge(source, stream, rule, passing)[0] is True
    assert _judge(source, stream, rule, edge)[0] is True
    holds, expected, actual = _judge(source, stream, rule, failing)
    assert holds is False
    assert expected
    assert actual is not None or None in failing.values()


@pytest.mark.parametrize(("name", "rule"), _all_rules(), ids=IDS)
def test_a_rule_says_nothing_about_a_row_without_values(name, rule):
    source, stream, _ = name
    assert _judge(source, stream, rule, {})[0] is True


@pytest.mark.parametrize(("name", "rule"), _all_rules(), ids=IDS)
def test_a_rule_names_columns_of_its_contract_and_says_what_to_do(name, rule):
    source, stream, _ = name
    contract = CONTRACTS[source].streams[stream]

    assert set(rule.columns) <= set(contract.columns)
    assert rule.reason.endswith((".", "?"))
    assert len(rule.reason) > 30


def test_no_rule_is_written_for_a_stream_that_no_contract_has():
    for source, streams in RULES_BY_SOURCE.items():
        assert set(streams) <= set(CONTRACTS[source].streams)


def test_an_invoice_of_an_earlier_local_day_is_not_called_due_before_its_issue():
    """Regression: an invoice issued at 20:00 in New York is of the next day in UTC."""
    (rule,) = [
        rule for rule in RULES_BY_SOURCE["generic"]["invoices"] if rule.name == "due_after_issue"
    ]
    issued = datetime(2026, 1, 6, 1, 0, tzinfo=UTC).replace(tzinfo=None)
    holds, _, _ = _judge(
        "generic", "invoices", rule, {"issued_at": str(issued), "due_on": "2026-01-05"}
    )
    assert holds is True
