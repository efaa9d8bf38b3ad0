"""What a row of the generic extract may not say.

What belongs here: rules over several columns of one row. What does not: anything that the contract
says already (types, nulls, allowed values). Only `expectations.source_suites` imports this.
"""

from collections.abc import Mapping

from expectations.plan import RowRule


def _in_order(name: str, first: str, last: str, reason: str) -> RowRule:
    """Two dates or times of which one cannot lie before the other."""
    return RowRule(
        name=name,
        columns=(first, last),
        condition=f"{last} >= {first}",
        reason=reason,
        expected=f"'not before ' || {first}",
        actual=last,
    )


def _service_period() -> RowRule:
    return _in_order(
        "service_ends_after_start",
        "service_start_on",
        "service_end_on",
        "The service ends before it starts: ask for the right period.",
    )


def _between_0_and_1(column: str, reason: str) -> RowRule:
    return RowRule(
        name=f"{column}_is_a_share",
        columns=(column,),
        condition=f"{column} between 0 and 1",
        reason=reason,
        expected="'between 0 and 1'",
    )


def _not_negative(column: str, reason: str, *, sums: bool = False) -> RowRule:
    return RowRule(
        name=f"{column}_is_not_negative",
        columns=(column,),
        condition=f"{column} >= 0",
        reason=reason,
        expected="'not below zero'",
        blocks_when_systemic=sums,
    )


_ORDERS = (
    RowRule(
        name="total_not_negative_unless_reduced",
        columns=("order_type", "total_amount"),
        condition="order_type in ('return', 'amendment') or total_amount >= 0",
        reason="The total is below zero though the order is no return and amends nothing.",
        expected="'not below zero'",
        actual="total_amount",
        blocks_when_systemic=True,
    ),
    _in_order(
        "ends_after_effective",
        "effective_on",
        "ends_on",
        "The order ends before it takes effect: ask for the right term.",
    ),
    RowRule(
        name="amendment_names_its_order",
        columns=("order_type", "amends_order_id"),
        condition="order_type <> 'amendment' or amends_order_id is not null",
        reason="An amendment that does not say which order it changes: ask for amends_order_id.",
        expected="'a value in amends_order_id'",
        actual="order_type",
    ),
    RowRule(
        name="order_does_not_amend_itself",
        columns=("order_id", "amends_order_id", "renews_order_id"),
        condition=(
            "coalesce(amends_order_id <> order_id, true)"
            " and coalesce(renews_order_id <> order_id, true)"
        ),
        reason="The order amends or renews itself: ask for the order that is meant.",
        expected="'another order'",
    ),
)

_INVOICES = (
    RowRule(
        name="total_is_net_and_tax",
        columns=("net_amount", "tax_amount", "total_amount"),
        condition="total_amount = net_amount + coalesce(tax_amount, 0)",
        reason="The total of the invoice is not its net and tax: ask billing which one counts.",
        expected="net_amount + coalesce(tax_amount, 0)",
        actual="total_amount",
        blocks_when_systemic=True,
    ),
    RowRule(
        name="due_after_issue",
        columns=("issued_at", "due_on"),
        # The issue is known in UTC and the due date in the seller's calendar: a day apart at most.
        condition="due_on >= cast(issued_at - interval 1 day as date)",
        reason="The invoice was due before it was issued: ask billing for the right dates.",
        expected="'not before ' || cast(issued_at as date)",
        actual="due_on",
    ),
)

# The deductions may be written as negative amounts or as amounts to subtract; mixing is wrong.
_SETTLEMENT_DEDUCTIONS = "coalesce(fee_amount, 0) + coalesce(fee_tax_amount, 0)"
_STATEMENT_DEDUCTIONS = (
    "coalesce(commission_amount, 0) + coalesce(fee_amount, 0) + coalesce(withholding_amount, 0)"
)


def _net_is_gross_less(deductions: str, columns: tuple[str, ...]) -> RowRule:
    return RowRule(
        name="net_is_gross_less_deductions",
        columns=("gross_amount", *columns, "net_amount"),
        # Where no deduction is stated, nothing contradicts the net.
        condition=(
            f"coalesce({', '.join(columns)}) is null"
            f" or net_amount = gross_amount - ({deductions})"
            f" or net_amount = gross_amount + ({deductions})"
        ),
        reason="The net amount is not the gross amount less its deductions: claim it from whoever "
        "wrote the statement.",
        expected=f"gross_amount - abs({deductions})",
        actual="net_amount",
        blocks_when_systemic=True,
    )


RULES: Mapping[str, tuple[RowRule, ...]] = {
    "customers": (
        _between_0_and_1("churn_risk", "A risk outside 0 to 1: is it written in percent?"),
        _not_negative("credit_limit", "A credit limit below zero: ask for the right one."),
    ),
    "people": (
        _not_negative("approval_limit", "An approval limit below zero: ask for the right one."),
        RowRule(
            name="person_does_not_manage_themself",
            columns=("person_id", "manager_id"),
            condition="manager_id <> person_id",
            reason="A person is their own manager, so an escalation would go nowhere.",
            expected="'another person'",
            actual="manager_id",
        ),
    ),
    "price_book": (
        _not_negative("unit_price", "A list price below zero: ask for the right one."),
        _in_order(
            "valid_to_after_from",
            "valid_from",
            "valid_to",
            "A price that ends before it begins: ask for the right dates.",
        ),
    ),
    "sellers": (
        _between_0_and_1("commission_rate", "A rate outside 0 to 1: is it written in percent?"),
    ),
    "contracts": (
        _in_order(
            "ends_after_start",
            "start_on",
            "end_on",
            "The contract ends before it starts: ask for the right term.",
        ),
    ),
    "orders": _ORDERS,
    "invoices": _INVOICES,
    "invoice_lines": (_service_period(),),
    "payments": (
        _not_negative(
            "amount",
            "A payment event below zero: its kind gives the direction, so the sign is counted "
            "twice. Ask for positive amounts.",
            sums=True,
        ),
    ),
    "settlement_lines": (
        _net_is_gross_less(_SETTLEMENT_DEDUCTIONS, ("fee_amount", "fee_tax_amount")),
        RowRule(
            name="fx_rate_is_positive",
            columns=("fx_rate",),
            condition="fx_rate > 0",
            reason="An exchange rate that is not above zero: ask the provider for the right one.",
            expected="'above zero'",
        ),
    ),
    "shipments": (
        _in_order(
            "delivered_after_shipped",
            "shipped_at",
            "delivered_at",
            "The goods arrived before they left: one of the two stamps is wrong.",
        ),
    ),
    "billing_plans": (_service_period(),),
    "seller_statements": (
        _net_is_gross_less(
            _STATEMENT_DEDUCTIONS, ("commission_amount", "fee_amount", "withholding_amount")
        ),
    ),
    "fx_rates": (
        RowRule(
            name="rate_is_positive",
            columns=("rate",),
            condition="rate > 0",
            reason="An exchange rate that is not above zero: ask for the right one.",
            expected="'above zero'",
        ),
    ),
    "completeness": (
        _not_negative("row_count", "A declared count below zero: ask for the right one."),
    ),
}
