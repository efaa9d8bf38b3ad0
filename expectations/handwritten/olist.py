"""What a row of Olist's extracts may not say.

What belongs here: rules over several columns of one row. What does not: anything that the contract
says already (types, nulls, allowed values). Only `expectations.source_suites` imports this.
"""

from collections.abc import Mapping

from expectations.plan import RowRule, Severity

RULES: Mapping[str, tuple[RowRule, ...]] = {
    "orders": (
        RowRule(
            name="delivered_after_handover",
            columns=("order_delivered_carrier_date", "order_delivered_customer_date"),
            condition="order_delivered_customer_date >= order_delivered_carrier_date",
            reason="The order reached the customer before the carrier had it: one of the two "
            "stamps is wrong.",
            expected="'not before ' || order_delivered_carrier_date",
            actual="order_delivered_customer_date",
        ),
        RowRule(
            name="handed_over_after_purchase",
            columns=("order_purchase_timestamp", "order_delivered_carrier_date"),
            condition="order_delivered_carrier_date >= order_purchase_timestamp",
            reason="The carrier had the order before it was placed: one of the two stamps is "
            "wrong.",
            expected="'not before ' || order_purchase_timestamp",
            actual="order_delivered_carrier_date",
        ),
        RowRule(
            name="delivered_has_its_date",
            columns=("order_status", "order_delivered_customer_date"),
            condition="order_status <> 'delivered' or order_delivered_customer_date is not null",
            reason="The order is called delivered and has no delivery date: ask the carrier.",
            expected="'a delivery date'",
            actual="order_status",
        ),
        RowRule(
            name="handed_over_after_approval",
            columns=("order_approved_at", "order_delivered_carrier_date"),
            condition="order_delivered_carrier_date >= order_approved_at",
            reason="The carrier had the order before its payment was approved.",
            expected="'not before ' || order_approved_at",
            actual="order_delivered_carrier_date",
            severity=Severity.INFO,
        ),
    ),
    "order_items": (
        RowRule(
            name="amounts_are_not_negative",
            columns=("price", "freight_value"),
            condition="price >= 0 and freight_value >= 0",
            reason="Price or freight of an item is below zero: the source writes no returns here.",
            expected="'not below zero'",
            blocks_when_systemic=True,
        ),
    ),
    "order_payments": (
        RowRule(
            name="amount_is_not_negative",
            columns=("payment_value",),
            condition="payment_value >= 0",
            reason="A payment is below zero: the source writes no refunds.",
            expected="'not below zero'",
            blocks_when_systemic=True,
        ),
        RowRule(
            name="instalments_are_counted",
            columns=("payment_installments",),
            condition="payment_installments >= 1",
            reason="A payment in no instalments at all: the count is wrong.",
            expected="'1 or more'",
        ),
    ),
}
