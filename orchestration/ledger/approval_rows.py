"""How events make the rows of requests.

What belongs here: folding. What does not: who may do what
(`orchestration.ledger.approvals`). Only the ledger package imports this.
"""

import json
from typing import Any

from orchestration.core.chain import Event, canonical
from orchestration.core.work.approval_states import EVENTS, ApprovalState, after
from orchestration.ledger.projections import Payload, Projection, Row
from orchestration.ledger.tables import approvals

_FROM_REQUEST = (
    "action_code",
    "is_break_glass",
    "tenant",
    "order_version",
    "customer_id",
    "currency_code",
    "amount",
    "own_risk_amount",
    "risk_amount",
    "least_signers",
    "limit_ref",
    "policy_version",
    "payload_hash",
    "nonce",
    "reason_code",
    "sign_by",
    "holds_until",
)
_UPDATED = ("use_by", "holds_until")


def _fold(row: Row | None, event: Event, payload: Payload) -> Row:
    """The row of a request after an event."""
    state = after(ApprovalState(row["state_code"]) if row is not None else None, event.action)
    if row is None:
        row = _begun(event, payload)
    row = {**row, "state_code": state.value, "last_seq": event.seq}
    if event.action == "approval_signed":
        row["signatures"] = _text([*json.loads(row["signatures"]), payload["signature"]])
    if event.action == "approval_reopened":
        row |= {"signatures": _text(payload["signatures"]), "sign_by": payload["sign_by"]}
        row["use_by"] = None
    if event.action in {"approval_used", "glass_broken"}:
        row["in_force_at"] = event.at
    for name in _UPDATED:
        if event.action in {"approval_completed", "approval_used"} and name in payload:
            row[name] = payload[name]
    return row


def _begun(event: Event, payload: Payload) -> Row:
    return {
        **{name: payload[name] for name in _FROM_REQUEST},
        "approval_id": event.subject_id,
        "recon_key": event.recon_key,
        "required_roles": ";".join(payload["required_roles"]),
        "decision": canonical(payload["decision"]),
        "reason": event.reason,
        "requester_id": event.actor_id,
        "requester_role": event.actor_role,
        "requested_at": event.at,
        "use_by": None,
        "in_force_at": None,
        "signatures": "[]",
    }


def _text(value: list[Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


APPROVALS = Projection(
    approvals,
    EVENTS,
    lambda event, _: event.subject_id,
    _fold,
    lambda event: event.action in {"approval_requested", "glass_broken"},
)
