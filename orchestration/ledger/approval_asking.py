"""Asking for an approval: what is asked, by whom, and who must sign it.

What belongs here: the maker's step and the requirement that is frozen onto it. What does not: the
steps of others (`orchestration.ledger.approvals`), who must sign (`core.work.signing`). What stands
above the ledger imports this.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from orchestration.core.chain import NotCanonical, canonical
from orchestration.core.policies import OperatingModel
from orchestration.core.policies.rows import ACTIONS, BREAK_GLASS, BREAK_GLASS_REVIEW
from orchestration.core.work.approval_states import LIVE, ApprovalState
from orchestration.core.work.signing import Asked, Requirement, required_signers
from orchestration.ledger.approval_base import (
    APPROVAL_PREFIX,
    Account,
    Decision,
    Outcome,
    Step,
    begin,
    hours,
    outcome_of,
    read_approval,
    reason_problem,
)
from orchestration.ledger.approval_rows import APPROVALS
from orchestration.ledger.events import Draft, moment_text
from orchestration.ledger.override_alarms import raise_alarms
from orchestration.ledger.projections import record
from orchestration.ledger.tables import approvals

SPLIT_HOURS = 24


@dataclass(frozen=True, slots=True)
class Request:
    """Something that somebody asks for.

    Attributes:
        decision: What exactly.
        reason_code: Of `reason_codes.csv`, for this action.
        reason: In words, at least 15 characters; must hold no personal data.
        nonce: Made by the client for one press of the button: the same again asks for nothing new.
        accountable_role: The role that answers for the exception class or gate.
        customer_id: By whom amounts are added up; None adds them up by who asks.
        tier_code: The customer's tier.
        is_break_glass: It holds at once, and a second person looks at it afterwards.
    """

    decision: Decision
    reason_code: str
    reason: str
    nonce: str
    accountable_role: str
    customer_id: str | None = None
    tier_code: str | None = None
    is_break_glass: bool = False


def request(
    connection: Connection, model: OperatingModel, asked: Request, who: Account, at: datetime
) -> Outcome:
    """Ask for a decision; who must sign is frozen onto the request.

    Safe to repeat with the same nonce. Breaking glass puts the decision in force at once.
    """
    step = begin(connection, model, who, at, "request")
    if isinstance(step, Outcome):
        return step
    try:
        payload_hash = asked.decision.payload_hash()
    except NotCanonical as error:
        return step.refuse(f"the decision cannot be hashed: {error}")
    approval_id = _id_of(step.actor.actor_id, asked.nonce)
    known = read_approval(connection, approval_id)
    if known is not None:
        if known["payload_hash"] == payload_hash:
            return outcome_of(known, is_repeat=True)
        return step.refuse("the same request came with other content; ask anew", known)
    problem = _request_problem(step, asked, payload_hash)
    if problem is not None:
        return step.refuse(problem, payload_hash=payload_hash)
    row = _record_request(step, asked, approval_id, payload_hash)
    raise_alarms(step, row["requester_id"], row["action_code"], is_glass=asked.is_break_glass)
    return outcome_of(row)


def _request_problem(step: Step, asked: Request, payload_hash: str) -> str | None:
    decision = asked.decision
    if decision.action_code not in ACTIONS:
        return (
            f"{decision.action_code!r} is nothing that is signed; give one of {', '.join(ACTIONS)}"
        )
    if asked.accountable_role not in step.model.roles:
        return f"{asked.accountable_role!r} is no role"
    if decision.currency_code not in step.model.risk_factors:
        return f"{decision.currency_code!r} is no currency that is known here"
    if step.staff.active(step.actor.actor_id) is None:
        return f"{step.actor.actor_id} may not act any more"
    action = BREAK_GLASS if asked.is_break_glass else decision.action_code
    problem = reason_problem(step.model, action, asked.reason_code, asked.reason)
    if problem is not None:
        return problem
    same = step.connection.execute(
        select(approvals.c.approval_id).where(
            approvals.c.payload_hash == payload_hash,
            approvals.c.state_code.in_([state.value for state in LIVE]),
        )
    ).scalar()
    return None if same is None else f"{same} already asks for exactly that"


def _record_request(
    step: Step, asked: Request, approval_id: str, payload_hash: str
) -> dict[str, Any]:
    decision, day = asked.decision, step.at.date()
    required = _requirement(step, asked)
    action = BREAK_GLASS_REVIEW if asked.is_break_glass else decision.action_code
    sign_by = moment_text(step.at + hours(step.model.validity_of(action, day).request_hours))
    own = step.model.risk_amount(decision.amount, decision.currency_code)
    payload = {
        "action_code": decision.action_code,
        "is_break_glass": asked.is_break_glass,
        "tenant": decision.tenant,
        "order_version": decision.order_version,
        "customer_id": asked.customer_id,
        "currency_code": decision.currency_code,
        "amount": f"{decision.amount:f}",
        "own_risk_amount": f"{own:f}",
        "risk_amount": f"{required.risk_amount:f}",
        "required_roles": list(required.roles),
        "least_signers": required.least_signers,
        "limit_ref": required.limit,
        "policy_version": required.policy_version,
        "decision": decision.document(),
        "payload_hash": payload_hash,
        "nonce": asked.nonce,
        "reason_code": asked.reason_code,
        "sign_by": sign_by,
        "holds_until": sign_by if asked.is_break_glass else None,
    }
    draft = Draft(
        step.at,
        step.actor,
        "glass_broken" if asked.is_break_glass else "approval_requested",
        "approval",
        approval_id,
        asked.reason,
        payload,
        decision.recon_key,
    )
    record(step.connection, [draft], (APPROVALS,))
    return read_approval(step.connection, approval_id) or {}


def _requirement(step: Step, asked: Request) -> Requirement:
    decision = asked.decision
    action = BREAK_GLASS_REVIEW if asked.is_break_glass else decision.action_code
    return required_signers(
        step.model,
        Asked(
            action_code=action,
            requester_role=step.actor.role,
            tier_code=asked.tier_code,
            currency_code=decision.currency_code,
            amount=decision.amount,
            accountable_role=asked.accountable_role,
            earlier_amount=_earlier_amount(step, asked),
        ),
        step.at.date(),
    )


def _earlier_amount(step: Step, asked: Request) -> Decimal:
    """What was asked for the same customer and action in the last 24 hours, risk units.

    A rolling day, so that parts on both sides of midnight count as well. What was rejected, or ran
    out or was taken back without ever having held, does not count.
    """
    since = moment_text(step.at - hours(SPLIT_HOURS))
    chosen = select(approvals.c.own_risk_amount, approvals.c.state_code, approvals.c.in_force_at)
    chosen = chosen.where(
        approvals.c.action_code == asked.decision.action_code,
        approvals.c.requested_at > since,
    )
    if asked.customer_id is not None:
        chosen = chosen.where(approvals.c.customer_id == asked.customer_id)
    else:
        chosen = chosen.where(
            approvals.c.customer_id.is_(None), approvals.c.requester_id == step.actor.actor_id
        )
    return sum(
        (
            Decimal(row.own_risk_amount)
            for row in step.connection.execute(chosen)
            if ApprovalState(row.state_code) in LIVE or row.in_force_at is not None
        ),
        Decimal(0),
    )


def _id_of(person_id: str, nonce: str) -> str:
    digest = hashlib.sha256(canonical({"person_id": person_id, "nonce": nonce}).encode()).digest()
    return APPROVAL_PREFIX + base64.b32encode(digest).decode().lower()[:20]
