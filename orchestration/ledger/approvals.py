"""Approvals: signing, rejecting, revoking.

What belongs here: the steps of people after the first, each refusal an event as well. What does
not: asking (`orchestration.ledger.approval_asking`), using one and letting it run out
(`orchestration.ledger.approval_use`), who must sign (`core.work.signing`). What stands above the
ledger imports this.

Asking is the maker's step. Whatever is asked for is signed by others: by person, not by account, so
neither a second account nor a token nor a deputy makes two people of one. Of two who act at the
same time the first to commit wins; the other is told what happened.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from orchestration.core.policies import OperatingModel
from orchestration.core.policies.rows import BREAK_GLASS_REVIEW
from orchestration.core.work.approval_states import HOLDING, LIVE, OPEN, ApprovalState
from orchestration.core.work.signing import (
    Signature,
    is_signed,
    place_for,
)
from orchestration.ledger.approval_base import (
    Account,
    Outcome,
    Step,
    begin,
    hours,
    names,
    outcome_of,
    read_approval,
    reason_problem,
    requirement_of,
    signatures_of,
    version_problem,
)
from orchestration.ledger.approval_use import expire_if_over
from orchestration.ledger.events import Draft, append, moment_text
from orchestration.ledger.override_alarms import alarm_payload


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
        return outcome_of(row, is_repeat=True)
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
    return outcome_of(row)


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
    return outcome_of(row)


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
    return outcome_of(row)


def review(
    connection: Connection,
    model: OperatingModel,
    subject: str,
    who: Account,
    at: datetime,
    *,
    reason_code: str,
    reason: str,
) -> Outcome:
    """Say what looking again at a decision in force, or at an alarm, has shown.

    Internal control does it, and never anyone who asked for it or signed it. What is not sound is
    then taken back with `revoke`; the review alone changes nothing.

    Args:
        connection: From `Ledger.write`.
        model: The policies.
        subject: A request, or the key of an alarm.
        who: Through which account.
        at: When, aware.
        reason_code: REVIEWED_SOUND or REVIEWED_UNSOUND.
        reason: What was looked at, and the conclusion.
    """
    step = begin(connection, model, who, at, "review")
    if isinstance(step, Outcome):
        return step
    row = read_approval(connection, subject)
    raised = alarm_payload(connection, subject) if row is None else None
    if row is None and raised is None:
        return step.refuse(f"there is neither a request nor an alarm {subject}")
    concerned = {raised["person_id"]} if raised is not None else set()
    if row is not None:
        concerned = {row["requester_id"], *(one.person_id for one in signatures_of(row))}
    problem = reason_problem(model, BREAK_GLASS_REVIEW, reason_code, reason)
    if row is not None:
        problem = problem or _state_problem(row, HOLDING)
    if step.actor.role != "control":
        problem = problem or f"internal control reviews, and {step.actor.actor_id} is not of it"
    if step.canonical_person(step.actor.actor_id) in concerned:
        problem = problem or f"{step.actor.actor_id} took part in it"
    if problem is not None:
        return step.refuse(problem, row, subject=subject)
    draft = Draft(
        at,
        step.actor,
        "override_reviewed",
        "approval" if row is not None else "override_alarm",
        subject,
        reason,
        {"reason_code": reason_code},
        row["recon_key"] if row is not None else None,
    )
    append(connection, [draft])
    return outcome_of(row) if row is not None else Outcome(None, None)


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
