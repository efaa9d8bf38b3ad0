"""Approvals: asking, signing, rejecting, revoking.

What belongs here: the steps of people, each one transaction with its event, each refusal an event
as well. What does not: using one and letting it run out (`orchestration.ledger.approval_use`), who
must sign (`core.work.signing`). What stands above the ledger imports this.

Asking is the maker's step. Whatever is asked for is signed by others: by person, not by account, so
neither a second account nor a token nor a deputy makes two people of one. Of two who act at the
same time the first to commit wins; the other is told what happened.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from orchestration.core.chain import NotCanonical, canonical
from orchestration.core.policies import OperatingModel
from orchestration.core.policies.rows import ACTIONS, BREAK_GLASS, BREAK_GLASS_REVIEW
from orchestration.core.work.approval_states import LIVE, OPEN, ApprovalState
from orchestration.core.work.signing import (
    Asked,
    Requirement,
    Signature,
    is_signed,
    open_roles,
    place_for,
    required_signers,
)
from orchestration.ledger.approval_base import (
    Account,
    Decision,
    Outcome,
    Step,
    begin,
    hours,
    names,
    read_approval,
    reason_problem,
    requirement_of,
    signatures_of,
    version_problem,
)
from orchestration.ledger.approval_rows import APPROVALS
from orchestration.ledger.approval_use import expire_if_over
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
            return _outcome(known, is_repeat=True)
        return step.refuse("the same request came with other content; ask anew", known)
    problem = _request_problem(step, asked, payload_hash)
    if problem is not None:
        return step.refuse(problem, payload_hash=payload_hash)
    row = _record_request(step, asked, approval_id, payload_hash)
    raise_alarms(step, row["requester_id"], row["action_code"], is_glass=asked.is_break_glass)
    return _outcome(row)


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody who signs has looked at.

    Attributes:
        payload_hash: Of what was shown.
        reason: What was looked at, and the conclusion.
        nonce: Made by the client for one press of the button: the same again signs nothing new.
        current_version: The newest version of the order, where that is known.
    """

    payload_hash: str
    reason: str
    nonce: str
    current_version: int | None = None


def sign(
    connection: Connection,
    model: OperatingModel,
    approval_id: str,
    who: Account,
    at: datetime,
    seen: Seen,
) -> Outcome:
    """Sign a request; the last signature that it needs makes it approved."""
    opened = _open(connection, model, approval_id, who, at, "sign")
    if isinstance(opened, Outcome):
        return opened
    step, row = opened
    given = json.loads(row["signatures"])
    if any(one["nonce"] == seen.nonce and one["by"] == step.actor.actor_id for one in given):
        return _outcome(row, is_repeat=True)
    problem = _state_problem(row, OPEN) or reason_problem(model, "sign", None, seen.reason)
    problem = problem or _content_problem(row, seen)
    if problem is not None:
        return step.refuse(problem, row, seen_hash=seen.payload_hash)
    place = _place(step, row)
    if isinstance(place, str):
        return step.refuse(place, row)
    signature = {
        "by": place.person_id,
        "role": place.role,
        "for": place.for_person_id,
        "nonce": seen.nonce,
        "at": moment_text(at),
        "payload_hash": seen.payload_hash,
    }
    row = step.note(row, "approval_signed", seen.reason, {"signature": signature})
    if is_signed(requirement_of(row), signatures_of(row)):
        row = _complete(step, row)
    return _outcome(row)


def reject(
    connection: Connection,
    model: OperatingModel,
    approval_id: str,
    who: Account,
    at: datetime,
    *,
    reason_code: str,
    reason: str,
) -> Outcome:
    """Say no to a request; whoever might still sign it may, and nobody else."""
    opened = _open(connection, model, approval_id, who, at, "reject")
    if isinstance(opened, Outcome):
        return opened
    step, row = opened
    problem = _state_problem(row, OPEN) or reason_problem(model, "reject", reason_code, reason)
    if problem is not None:
        return step.refuse(problem, row)
    if step.actor.actor_id == row["requester_id"]:
        return step.refuse("who asked for it takes it back with revoke", row)
    if step.actor.role not in {*row["required_roles"].split(";"), "control"}:
        place = _place(step, row)
        if isinstance(place, str):
            return step.refuse(place, row)
    row = step.note(row, "approval_rejected", reason, {"reason_code": reason_code})
    return _outcome(row)


def revoke(
    connection: Connection,
    model: OperatingModel,
    approval_id: str,
    who: Account,
    at: datetime,
    *,
    reason_code: str,
    reason: str,
) -> Outcome:
    """Take a request, an approval or a decision in force back; the next run undoes what it did.

    Who asked, who signed, whose role had to sign and internal control may do it.
    """
    opened = _open(connection, model, approval_id, who, at, "revoke")
    if isinstance(opened, Outcome):
        return opened
    step, row = opened
    problem = _state_problem(row, LIVE) or reason_problem(model, "revoke", reason_code, reason)
    if problem is not None:
        return step.refuse(problem, row)
    concerned = {row["requester_id"], *(one.person_id for one in signatures_of(row))}
    roles = {*row["required_roles"].split(";"), "control"}
    if step.actor.actor_id not in concerned and step.actor.role not in roles:
        return step.refuse(f"only who asked or signed, or {names(sorted(roles))} take it back", row)
    row = step.note(row, "approval_revoked", reason, {"reason_code": reason_code})
    return _outcome(row)


def _open(
    connection: Connection,
    model: OperatingModel,
    approval_id: str,
    who: Account,
    at: datetime,
    attempted: str,
) -> tuple[Step, dict[str, Any]] | Outcome:
    """Who acts and the request as it stands now, run out if its time is over."""
    step = begin(connection, model, who, at, attempted)
    if isinstance(step, Outcome):
        return step
    row = read_approval(connection, approval_id)
    if row is None:
        return step.refuse(f"there is no request {approval_id}")
    return step, expire_if_over(step, row)


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


def _place(step: Step, row: Mapping[str, Any]) -> Signature | str:
    staff = step.staff
    person = staff.active(step.actor.actor_id)
    if person is None:
        return f"{step.actor.actor_id} may not act any more"
    requester = step.canonical_person(row["requester_id"])
    if step.canonical_person(person.person_id) == requester:
        return "requester cannot approve"
    return place_for(
        person,
        requirement_of(row),
        signatures_of(row),
        row["requester_id"],
        staff,
        step.model,
        step.at.date(),
    )


def _complete(step: Step, row: Mapping[str, Any]) -> dict[str, Any]:
    day = step.at.date()
    validity = step.model.validity_of(row["action_code"], day)
    if row["is_break_glass"]:
        until = validity.effect_days
        holds = None if until is None else moment_text(step.at + hours(24 * until))
        return step.note(row, "approval_completed", "Reviewed afterwards.", {"holds_until": holds})
    use_by = moment_text(step.at + hours(validity.approval_hours))
    return step.note(row, "approval_completed", "Signed in full.", {"use_by": use_by})


def _state_problem(row: Mapping[str, Any], allowed: frozenset[ApprovalState]) -> str | None:
    state = ApprovalState(row["state_code"])
    if state in allowed:
        return None
    return f"it is {state.value.replace('_', ' ')} already"


def _content_problem(row: Mapping[str, Any], seen: Seen) -> str | None:
    if seen.payload_hash != row["payload_hash"]:
        return "what was shown is not what is asked for; look at it again"
    return version_problem(row, seen.current_version)


def _outcome(row: Mapping[str, Any], *, is_repeat: bool = False) -> Outcome:
    state = ApprovalState(row["state_code"])
    wanting = open_roles(requirement_of(row), signatures_of(row)) if state in OPEN else ()
    return Outcome(row["approval_id"], state, None, is_repeat, wanting)


def _id_of(person_id: str, nonce: str) -> str:
    digest = hashlib.sha256(canonical({"person_id": person_id, "nonce": nonce}).encode()).digest()
    return "ap_" + base64.b32encode(digest).decode().lower()[:20]
