"""The values that a playbook shows of one exception.

What belongs here: from the columns of an exception and of its order to placeholders. What does not:
the playbooks (`core.policies.playbooks`), and looking anything up. Anyone may import this.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

# Placeholder: the column of `fct_exceptions`, of its evidence, or of `fct_orders` that fills it.
_OF_EXCEPTION: Mapping[str, str] = {
    "exception_id": "exception_id",
    "exception_code": "exception_code",
    "recon_key": "recon_key",
    "line": "line_key",
    "native_ref": "native_ref",
    "source_system": "source_system",
    "leg": "leg_code",
    "currency": "currency_code",
    "leak_amount": "leak_amount",
    "explanation": "explanation",
    "opened_at": "opened_at",
    "due_at": "due_at",
    "owner": "owner_role",
    "approver": "approver_role",
    "assignee": "assignee_id",
    "incident_id": "incident_id",
    "tenant": "tenant",
}
_OF_EVIDENCE: Mapping[str, str] = {
    "expected_amount": "expected_amount",
    "actual_amount": "actual_amount",
    "difference": "variance_amount",
    "expected_quantity": "expected_quantity",
    "actual_quantity": "actual_quantity",
    "documents": "documents",
    "nearest_miss": "nearest_miss",
}
_OF_ORDER: Mapping[str, str] = {
    "order_id": "order_id",
    "order_type": "order_type",
    "customer_id": "customer_id",
    "sales_owner": "sales_owner_id",
}
_AMOUNTS = ("leak_amount", "expected_amount", "actual_amount", "difference")
_QUANTITIES = ("expected_quantity", "actual_quantity")
_LEAST_DECIMALS = 2


def playbook_values(
    exception: Mapping[str, Any],
    evidence: Mapping[str, Any],
    order: Mapping[str, Any],
    exponent: int = _LEAST_DECIMALS,
) -> dict[str, str | None]:
    """Return the text of each placeholder of a playbook; None where nothing is known.

    Args:
        exception: A row of `fct_exceptions`.
        evidence: Its evidence, parsed; empty when it has none.
        order: The row of `fct_orders` that it belongs to; empty when it belongs to none.
        exponent: Decimals of the currency; more are shown where an amount has more.
    """
    values = {name: _text(exception.get(column)) for name, column in _OF_EXCEPTION.items()}
    values |= {name: _text(evidence.get(column)) for name, column in _OF_EVIDENCE.items()}
    values |= {name: _text(order.get(column)) for name, column in _OF_ORDER.items()}
    for name in _AMOUNTS:
        values[name] = _trimmed(values[name], exponent)
    for name in _QUANTITIES:
        values[name] = _trimmed(values[name], 0)
    # An order that nobody reported is still named by the document that speaks of it.
    values["order_id"] = values["order_id"] or values["recon_key"] or values["native_ref"]
    if values["nearest_miss"] is None:
        values["nearest_miss"] = "Nothing comes near."
    rule, version = _text(evidence.get("rule")), _text(evidence.get("rule_version"))
    values["rule"] = f"{rule} v{version}" if rule and version else rule
    return values


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _trimmed(text: str | None, decimals: int) -> str | None:
    """An amount without needless zeros, but with the decimals of its currency."""
    if text is None:
        return None
    whole, point, rest = text.partition(".")
    rest = rest.rstrip("0").ljust(decimals, "0") if point or decimals else ""
    return f"{whole}.{rest}" if rest else whole
