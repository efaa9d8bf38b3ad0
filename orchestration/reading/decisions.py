"""What is to be decided about an order, from what is published: amount, version, who answers.

What belongs here: finding the difference that a decision is about, so that nobody types an amount
that is not there. What does not: asking and signing (`orchestration.ledger`). Who may import this
is said in `orchestration.reading`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.core.errors import UsageRefused
from orchestration.core.policies import OperatingModel
from orchestration.ledger.approval_base import APPROVAL_PREFIX, Decision
from orchestration.reading.documents import VALUES, put_together, replaced_value
from orchestration.reading.orders import resolve_key
from orchestration.warehouse.reader import Published

GATE_WAIVER = "gate_waiver"
KEY_OVERRIDE = "key_override"
VALUE_CHANGE = "value_change"
VALUE_OVERRIDE = "value_override"
MANUAL_MATCH = "manual_match"
LEG_ACTIONS = ("forced_match", "write_off")
KINDS = (GATE_WAIVER, KEY_OVERRIDE, VALUE_CHANGE, VALUE_OVERRIDE, MANUAL_MATCH, *LEG_ACTIONS)
# What was changed by hand outside the platform: the class of its exception, and words for it.
CHANGES = {
    KEY_OVERRIDE: ("KEY_MISMATCH_OVERRIDE", "whose key was changed to that of"),
    VALUE_CHANGE: ("CTL_OVERRIDE", "whose value was changed by hand for"),
}
# What may be decided about a difference that is of no order: a bank line, a batch, a payout.
WITHOUT_ORDER = (MANUAL_MATCH, *LEG_ACTIONS)
OF_NO_ORDER = """
    select
        recon_key, match_id, null as version_no, tenant, native_ref as order_id, currency_code,
        null as customer_id, null as customer_tier
    from marts.fct_exceptions
    where recon_key is null and match_id is not null and starts_with(exception_id, ?)
"""
DIFFERENCES = "select * from marts.fct_exceptions where recon_key = ? order by exception_id"
DIFFERENCES_OF_NO_ORDER = """
    select * from marts.fct_exceptions where recon_key is null and match_id = ?
    order by exception_id
"""


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


@dataclass(frozen=True, slots=True)
class Extras:
    """What some kinds need beside the order and what of it.

    Attributes:
        value_code: amount or quantity, of a value_override; None for the others.
        value: The value that is to count, as typed.
        members: What a manual_match puts together with the order.
    """

    value_code: str | None = None
    value: str = ""
    members: Sequence[str] = ()


NO_EXTRAS = Extras()


def propose(
    published: Published,
    model: OperatingModel,
    kind: str,
    order: str,
    what: str,
    on: date,
    extras: Extras = NO_EXTRAS,
) -> Proposal:
    """Return the decision that would settle a difference as it is published.

    Args:
        published: The publication that people looked at.
        model: The policies.
        kind: One of `KINDS`.
        order: Any name of the order; of a difference that is of none, its exception.
        what: The gate to waive, the document whose new key or value is to hold or whose value is
            replaced, the leg to close or to match on, or an exception of it.
        on: The day, for RACI.
        extras: The value or the members.

    Raises:
        UsageRefused: Nothing of that kind is open on the order, several things are, or the kind is
            not known.
    """
    if kind not in KINDS:
        raise UsageRefused(f"{kind!r} cannot be asked for here; give one of {', '.join(KINDS)}.")
    _check_extras(kind, extras)
    row = _subject(published, kind, order)
    recon_key = row["recon_key"]
    exceptions = (
        published.rows(DIFFERENCES_OF_NO_ORDER, [row["match_id"]])
        if recon_key is None
        else published.rows(DIFFERENCES, [recon_key])
    )
    concerned: list[Mapping[str, Any]]
    if kind == GATE_WAIVER:
        found = _failed_gate(published, row, what.upper())
        concerned = [one for one in exceptions if one["exception_code"] == found["gate_code"]]
    elif kind in CHANGES:
        found, concerned = _changed_by_hand(row, exceptions, kind, what)
    elif kind == VALUE_OVERRIDE:
        found, concerned = replaced_value(
            published, row, exceptions, what, str(extras.value_code), extras.value
        )
    elif kind == MANUAL_MATCH:
        found, concerned = put_together(
            published, row["tenant"], what.lower(), [recon_key or order, *extras.members]
        )
    else:
        found, concerned = _open_group(row, exceptions, what)
    code = str(concerned[0]["exception_code"]) if concerned else str(found.get("gate_code"))
    at_stake = max((abs(one["leak_amount"] or Decimal(0)) for one in concerned), default=Decimal(0))
    amount = max(at_stake, abs(Decimal(str(found.get("variance_amount", 0)))), _change(found))
    details: dict[str, object] = {
        **found,
        "order_id": row["order_id"],
        "exception_ids": [one["exception_id"] for one in concerned],
    }
    return Proposal(
        decision=Decision(
            action_code=kind,
            tenant=row["tenant"],
            recon_key=recon_key,
            order_version=row["version_no"] and int(row["version_no"]),
            currency_code=concerned[0]["currency_code"] if concerned else row["currency_code"],
            amount=amount,
            details=details,
        ),
        accountable_role=model.raci_of_class(code, on).accountable,
        customer_id=row["customer_id"],
        tier_code=row["customer_tier"],
        difference="; ".join(str(one["explanation"]) for one in concerned) or code,
    )


def closed_by(proposal: Proposal, kind: str) -> Proposal:
    """The same difference of a leg, closed by the other of `LEG_ACTIONS`; nothing else differs."""
    return replace(proposal, decision=replace(proposal.decision, action_code=kind))


def _subject(published: Published, kind: str, order: str) -> Mapping[str, Any]:
    """The order that is meant; or a difference that is of no order, as a payout's."""
    if kind in WITHOUT_ORDER:
        rows = published.rows(OF_NO_ORDER, [order])
        if len(rows) == 1:
            return rows[0]
    recon_key = resolve_key(published, order)
    return published.rows("select * from marts.fct_orders where recon_key = ?", [recon_key])[0]


def _check_extras(kind: str, extras: Extras) -> None:
    """Refuse a value or members where they mean nothing, and their want where they are needed."""
    if (kind == VALUE_OVERRIDE) != (extras.value_code in VALUES):
        raise UsageRefused(
            "Say what is to count, by --amount or --quantity."
            if kind == VALUE_OVERRIDE
            else f"{kind} takes no value; what is asked for is the difference that is published."
        )
    if (kind == MANUAL_MATCH) != bool(extras.members):
        raise UsageRefused(
            "Name what belongs together with the order, by --with."
            if kind == MANUAL_MATCH
            else f"{kind} is about one thing of the order; --with is for manual_match."
        )


def _change(found: Mapping[str, object]) -> Decimal:
    """By how much money a replaced value moves what is compared."""
    if found.get("value_code") != "amount":
        return Decimal(0)
    return abs(Decimal(str(found["decided_value"])) - Decimal(str(found["stated_value"])))


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


def _changed_by_hand(
    order: Mapping[str, Any], exceptions: Sequence[Mapping[str, Any]], kind: str, what: str
) -> tuple[dict[str, object], list[Mapping[str, Any]]]:
    """The one document whose key or value was changed by hand, outside the platform."""
    code, words = CHANGES[kind]
    # A decision of ours is of the same class as a change that nobody decided here.
    changed = [
        one
        for one in exceptions
        if one["exception_code"] == code and not str(one["native_ref"]).startswith(APPROVAL_PREFIX)
    ]
    named = [
        one
        for one in changed
        if one["native_ref"] == what or str(one["exception_id"]).startswith(what)
    ]
    if len(named) != 1:
        listed = ", ".join(str(one["native_ref"]) for one in changed) or "none"
        found = "no document" if not named else f"{len(named)} documents"
        raise UsageRefused(
            f"{what} names {found} {words} {order['order_id']}. Name one of: {listed}."
        )
    return {
        "document_ref": named[0]["native_ref"],
        "exception_id": named[0]["exception_id"],
    }, named


def _open_group(
    order: Mapping[str, Any], exceptions: Sequence[Mapping[str, Any]], what: str
) -> tuple[dict[str, object], list[Mapping[str, Any]]]:
    """The one group of documents that a leg or an exception names, with its exceptions."""
    of_groups = [one for one in exceptions if one["match_id"] is not None]
    named = [
        one
        for one in of_groups
        if one["leg_code"] == what.lower() or str(one["exception_id"]).startswith(what)
    ]
    groups = sorted({str(one["match_id"]) for one in named})
    if len(groups) != 1:
        listed = ", ".join(f"{one['exception_id']} ({one['leg_code']})" for one in of_groups)
        found = "nothing" if not groups else f"{len(groups)} differences"
        raise UsageRefused(
            f"{what} of {order['order_id']} names {found} that could be closed. Name one of: "
            f"{listed or 'none is open'}."
        )
    concerned = [one for one in of_groups if one["match_id"] == groups[0]]
    evidence = json.loads(concerned[0]["evidence"] or "{}")
    return {
        "match_id": groups[0],
        "leg_code": concerned[0]["leg_code"],
        "expected_amount": evidence.get("expected_amount"),
        "actual_amount": evidence.get("actual_amount"),
        "variance_amount": evidence.get("variance_amount") or "0",
    }, concerned
