"""What is to be decided about an order, from what is published: amount, version, who answers.

What belongs here: finding the difference that a decision is about, so that nobody types an amount
that is not there. What does not: asking and signing (`orchestration.ledger`). Who may import this
is said in `orchestration.reading`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.core.errors import UsageRefused
from orchestration.core.policies import OperatingModel
from orchestration.ledger.approval_base import Decision
from orchestration.reading.orders import resolve_key
from orchestration.warehouse.reader import Published

GATE_WAIVER = "gate_waiver"
LEG_ACTIONS = ("forced_match", "write_off")
KINDS = (GATE_WAIVER, *LEG_ACTIONS)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision with what decides who signs it.

    Attributes:
        difference: What it is about, in a sentence.
    """

    decision: Decision
    accountable_role: str
    customer_id: str | None
    tier_code: str | None
    difference: str


def propose(
    published: Published,
    model: OperatingModel,
    kind: str,
    order: str,
    what: str,
    on: date,
) -> Proposal:
    """Return the decision that would settle a difference as it is published.

    Args:
        published: The publication that people looked at.
        model: The policies.
        kind: gate_waiver, forced_match or write_off.
        order: Any name of the order.
        what: The gate to waive, or the leg to close.
        on: The day, for RACI.

    Raises:
        UsageRefused: Nothing of that kind is open on the order, or the kind is not known.
    """
    if kind not in KINDS:
        raise UsageRefused(f"{kind!r} cannot be asked for here; give one of {', '.join(KINDS)}.")
    recon_key = resolve_key(published, order)
    row = published.rows("select * from marts.fct_orders where recon_key = ?", [recon_key])[0]
    found = (
        _failed_gate(published, row, what.upper())
        if kind == GATE_WAIVER
        else _open_leg(published, row, what.lower())
    )
    exceptions = published.rows(
        "select * from marts.fct_exceptions where recon_key = ? order by exception_id", [recon_key]
    )
    concerned = [one for one in exceptions if _concerns(one, kind, found)]
    details: dict[str, object] = {
        **found,
        "order_id": row["order_id"],
        "exception_ids": [one["exception_id"] for one in concerned],
    }
    codes = sorted({str(one["exception_code"]) for one in concerned})
    code = codes[0] if codes else None
    accountable = (
        model.raci_of_class(code, on).accountable
        if code is not None
        else model.raci_of_state("order", "exception", on, None).accountable
    )
    at_stake = sum((abs(one["leak_amount"] or Decimal(0)) for one in concerned), Decimal(0))
    amount = max(at_stake, abs(Decimal(str(found.get("open_amount", 0)))))
    explanation = "; ".join(str(one["explanation"]) for one in concerned)
    return Proposal(
        decision=Decision(
            action_code=kind,
            tenant=row["tenant"],
            recon_key=recon_key,
            order_version=int(row["version_no"]),
            currency_code=row["currency_code"],
            amount=amount,
            details=details,
        ),
        accountable_role=accountable,
        customer_id=row["customer_id"],
        tier_code=row["customer_tier"],
        difference=explanation or f"{kind} of {found}",
    )


def newest_version(published: Published, recon_key: str) -> int | None:
    """Return the version of an order that is published; None when the order is not."""
    rows = published.rows(
        "select version_no from marts.fct_orders where recon_key = ?", [recon_key]
    )
    return int(rows[0]["version_no"]) if rows else None


def _failed_gate(
    published: Published, order: Mapping[str, Any], gate_code: str
) -> dict[str, object]:
    rows = published.rows(
        "select * from marts.fct_gate_results where recon_key = ? order by gate_code",
        [order["recon_key"]],
    )
    failed = {str(row["gate_code"]): row for row in rows if row["result_code"] == "fail"}
    if gate_code not in failed:
        listed = ", ".join(failed) or "none"
        raise UsageRefused(
            f"{gate_code} does not hold {order['order_id']}: there is nothing to waive. Gates that "
            f"hold it: {listed}."
        )
    row = failed[gate_code]
    return {
        "gate_code": gate_code,
        "rule_version": int(row["rule_version"]),
        "expected_value": row["expected_value"],
        "actual_value": row["actual_value"],
    }


def _open_leg(published: Published, order: Mapping[str, Any], leg_code: str) -> dict[str, object]:
    rows = published.rows(
        "select * from marts.fct_order_legs where recon_key = ? order by leg_code",
        [order["recon_key"]],
    )
    failing = {str(row["leg_code"]): row for row in rows if row["status_code"] == "exception"}
    if leg_code not in failing:
        listed = ", ".join(failing) or "none"
        raise UsageRefused(
            f"The leg {leg_code} of {order['order_id']} is not in exception: there is nothing to "
            f"decide. Legs that are: {listed}."
        )
    row = failing[leg_code]
    return {
        "leg_code": leg_code,
        "expected_amount": f"{row['expected_amount']:f}",
        "matched_amount": f"{row['matched_amount']:f}",
        "open_amount": f"{row['open_amount']:f}",
    }


def _concerns(exception: Mapping[str, Any], kind: str, found: Mapping[str, object]) -> bool:
    if kind == GATE_WAIVER:
        return bool(exception["exception_code"] == found["gate_code"])
    return bool(exception["leg_code"] == found["leg_code"])
