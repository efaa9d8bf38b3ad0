"""Using approvals, and what happens to them by time alone.

What belongs here: putting an approved decision in force, after everything was looked at once more;
letting requests, approvals and decisions run out. What does not: the steps of people
(`orchestration.ledger.approvals`). What stands above the ledger imports this.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from orchestration.core.policies import OperatingModel
from orchestration.core.work.approval_states import HOLDING, LIVE, ApprovalState
from orchestration.core.work.people import Staff
from orchestration.core.work.signing import Signature, is_signed
from orchestration.ledger.approval_base import (
    Outcome,
    Step,
    hours,
    read_approval,
    requirement_of,
    signatures_of,
    version_problem,
)
from orchestration.ledger.events import Actor, moment_text
from orchestration.ledger.tables import approvals


def use(
    connection: Connection,
    model: OperatingModel,
    approval_id: str,
    actor: Actor,
    at: datetime,
    *,
    payload_hash: str,
    current_version: int | None = None,
) -> Outcome:
    """Put an approved decision in force, once; safe to repeat.

    Whoever signed is looked at again as the ledger knows them now. A signature that would not be
    given today is dropped and the request waits for another one.

    Args:
        connection: From `Ledger.write`.
        model: The policies.
        approval_id: Which.
        actor: The engine or the service that carries it out.
        at: When, aware.
        payload_hash: Of the very decision that is about to be carried out.
        current_version: The newest version of the order, where that is known.
    """
    step = Step(connection, model, actor, at, "use")
    row = read_approval(connection, approval_id)
    if row is None:
        return step.refuse(f"there is no request {approval_id}")
    row = expire_if_over(step, row)
    state = ApprovalState(row["state_code"])
    if state in HOLDING and payload_hash == row["payload_hash"]:
        return Outcome(approval_id, state, is_repeat=True)
    problem = _use_problem(row, payload_hash)
    if problem is not None:
        return step.refuse(problem, row, given=payload_hash)
    because = version_problem(row, current_version)
    if because is not None:
        step.note(row, "approval_revoked", because, {"reason_code": "FACTS_CHANGED"})
        return step.refuse(because, read_approval(connection, approval_id))
    lost = dict(_lost_signatures(step, row))
    kept = [one for one in json.loads(row["signatures"]) if one["by"] not in lost]
    if lost or not is_signed(requirement_of(row), signatures_of(row)):
        because = "; ".join(lost.values()) or "it lacks signatures"
        sign_by = moment_text(at + hours(_validity(step, row).request_hours))
        row = step.note(row, "approval_reopened", because, {"signatures": kept, "sign_by": sign_by})
        return step.refuse(because, row)
    days = _validity(step, row).effect_days
    until = None if days is None else moment_text(at + hours(24 * days))
    row = step.note(row, "approval_used", "Approved by others.", {"holds_until": until})
    return Outcome(approval_id, ApprovalState(row["state_code"]))


def use_all(
    connection: Connection,
    model: OperatingModel,
    actor: Actor,
    at: datetime,
    versions: Mapping[str, int],
) -> tuple[Outcome, ...]:
    """Let run out what is over, and put every approved decision in force, oldest first.

    Args:
        connection: From `Ledger.write`.
        model: The policies.
        actor: The engine.
        at: When, aware; what was asked for later is left alone.
        versions: The newest version of each order that is known.
    """
    expire(connection, model, actor, at)
    waiting = connection.execute(
        select(approvals.c.approval_id, approvals.c.payload_hash, approvals.c.recon_key)
        .where(
            approvals.c.state_code == ApprovalState.APPROVED.value,
            approvals.c.requested_at <= moment_text(at),
        )
        .order_by(approvals.c.requested_at, approvals.c.approval_id)
    ).all()
    return tuple(
        use(
            connection,
            model,
            one.approval_id,
            actor,
            at,
            payload_hash=one.payload_hash,
            current_version=versions.get(one.recon_key) if one.recon_key else None,
        )
        for one in waiting
    )


def expire(
    connection: Connection, model: OperatingModel, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Let everything run out whose time is over; returns the requests, safe to repeat."""
    step = Step(connection, model, actor, at, "expire")
    live = select(approvals).where(approvals.c.state_code.in_([state.value for state in LIVE]))
    rows = connection.execute(live.order_by(approvals.c.approval_id)).mappings().all()
    after = [expire_if_over(step, dict(row)) for row in rows]
    return tuple(
        row["approval_id"] for row in after if row["state_code"] == ApprovalState.EXPIRED.value
    )


def expire_if_over(step: Step, row: dict[str, Any]) -> dict[str, Any]:
    """Return the request, run out when its time is over."""
    limit = {
        ApprovalState.REQUESTED: row["sign_by"],
        ApprovalState.UNREVIEWED: row["sign_by"],
        ApprovalState.APPROVED: row["use_by"],
        ApprovalState.IN_FORCE: row["holds_until"],
    }.get(ApprovalState(row["state_code"]))
    if limit is None or moment_text(step.at) < limit:
        return row
    reason = f"Its time was over at {limit}."
    return step.note(row, "approval_expired", reason, {"was": row["state_code"]})


def _use_problem(row: Mapping[str, Any], payload_hash: str) -> str | None:
    if payload_hash != row["payload_hash"]:
        return "what is to be done is not what was approved"
    if row["state_code"] != ApprovalState.APPROVED.value:
        return f"it is {row['state_code'].replace('_', ' ')} and not approved"
    return None


def _lost_signatures(step: Step, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield who signed and could not sign today, with the reason."""
    staff = step.staff
    requester = step.canonical_person(row["requester_id"])
    seen: set[str] = set()
    for one in signatures_of(row):
        person = step.canonical_person(one.person_id)
        because = _lost(step, staff, one, row)
        if because is None and person == requester:
            because = f"{one.person_id} is who asked for it"
        if because is None and person in seen:
            because = f"{one.person_id} signed twice, through two accounts"
        seen.add(person)
        if because is not None:
            yield one.person_id, because


def _lost(step: Step, staff: Staff, one: Signature, row: Mapping[str, Any]) -> str | None:
    if staff.active(one.person_id) is None:
        return f"{one.person_id}, who signed, may not act any more"
    holder = staff.active(one.for_person_id)
    if holder is None:
        return f"{one.for_person_id}, for whom {one.person_id} signed, may not act any more"
    if holder.role != one.role:
        return f"{holder.person_id} signed for {one.role} and is of {holder.role} now"
    role = step.model.roles.get(one.role)
    risk = Decimal(row["risk_amount"])
    if role is None or not role.is_limit_bound or risk == 0:
        return None
    factor = step.model.risk_factors.get(holder.currency_code or "")
    limit = holder.approval_limit
    if limit is None or factor is None or limit / Decimal(factor) < risk:
        return f"the limit of {holder.person_id} does not cover {risk:f} any more"
    return None


def _validity(step: Step, row: Mapping[str, Any]) -> Any:
    return step.model.validity_of(row["action_code"], step.at.date())
