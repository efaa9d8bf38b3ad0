"""Letting intents go: what their gates let pass, what was decided, what somebody looked at.

What belongs here: releasing and resuming, each in one transaction with its event. What does not:
which artifacts may go (`orchestration.ledger.outbox`), sending. The ledger package, the command
line and tests import this.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from orchestration.core.delivery.answers import State
from orchestration.core.errors import UsageRefused
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.outbox_tables import intents


def release(
    connection: Connection,
    intent_ids: Sequence[str],
    *,
    gate_run_id: str,
    actor: Actor,
    at: datetime,
    now: datetime,
    approval_id: str | None = None,
    reason: str = "Released by a decision.",
) -> int:
    """Let held intents be sent; what is not held is left as it is. Returns how many.

    Raises:
        UsageRefused: An intent needs an approval and none is named.
        IntegrityError: The named approval was never granted (SQLAlchemy's, from the trigger).
    """
    chosen = (
        select(intents)
        .where(intents.c.intent_id.in_(list(intent_ids)), intents.c.state == State.HELD)
        .order_by(intents.c.intent_no)
    )
    found = [dict(row) for row in connection.execute(chosen).mappings()]
    lacking = [row["intent_id"] for row in found if row["needs_approval"] and approval_id is None]
    if lacking:
        raise UsageRefused(
            f"{', '.join(lacking)}: the receiver asked for confirmation, so an approval is needed. "
            "Name it."
        )
    drafts = [
        release_draft(row, row["intent_id"], gate_run_id, approval_id, actor, at, reason)
        for row in found
    ]
    set_ready(
        connection,
        [
            {"id_": row["intent_id"], "seq_": event.seq}
            for row, event in zip(found, append(connection, drafts), strict=True)
        ],
        gate_run_id=gate_run_id,
        approval_id=approval_id,
        now=now,
    )
    return len(found)


def resume(
    connection: Connection,
    intent_id: str,
    *,
    actor: Actor,
    at: datetime,
    now: datetime,
    reason: str,
    may_resume: Callable[[str], Collection[str]],
) -> str:
    """Let a parked intent go on after somebody looked at it; the same key is used again.

    Args:
        connection: From `Ledger.write`.
        intent_id: A parked one.
        actor: Who says so.
        at: By the wall clock.
        now: By the clock of waits, from which on it may be sent.
        reason: Why it will go now.
        may_resume: The roles that may, by target.

    Returns:
        Its state from now on: `unknown` when its outcome was, so that it is looked up or sent
        again as its target allows; else `ready`.

    Raises:
        UsageRefused: There is no such intent, or it is not parked.
        NotAllowed: The actor has none of the roles.
    """
    row = connection.execute(select(intents).where(intents.c.intent_id == intent_id)).first()
    if row is None or row.state != State.PARKED:
        stands = "there is no such intent" if row is None else f"it is {row.state}"
        raise UsageRefused(
            f"{intent_id} cannot be resumed: {stands}. `meshline deliver status` lists what is "
            "parked."
        )
    roles = may_resume(row.target_code)
    if actor.role not in roles:
        raise NotAllowed(
            f"{actor.actor_id} ({actor.role or 'without a role'}) may not resume what is parked "
            f"for {row.target_code}: {', '.join(sorted(roles))} may."
        )
    state = State.UNKNOWN if row.was_unknown else State.READY
    payload = {"state": state.value, "was": row.last_error_class}
    append(
        connection,
        [Draft(at, actor, "intent_resumed", "intent", intent_id, reason, payload, row.recon_key)],
    )
    connection.execute(
        update(intents)
        .where(intents.c.intent_id == intent_id)
        .values(state=state, failures=0, next_at=moment_text(now))
    )
    return state.value


def set_ready(
    connection: Connection,
    found: Sequence[Mapping[str, object]],
    *,
    gate_run_id: str,
    approval_id: str | None,
    now: datetime,
) -> None:
    """Let intents be sent, each with the event that released it."""
    values: dict[str, Any] = {
        "state": State.READY,
        "gate_run_id": gate_run_id,
        "release_seq": bindparam("seq_"),
        "hold_reason": None,
        "next_at": moment_text(now),
    }
    if approval_id is not None:
        values["approval_id"] = approval_id
    if found:
        connection.execute(
            update(intents).where(intents.c.intent_id == bindparam("id_")).values(values),
            found,
        )


def release_draft(
    row: Mapping[str, Any],
    intent_id: str,
    gate_run_id: str,
    approval_id: str | None,
    actor: Actor,
    at: datetime,
    reason: str,
) -> Draft:
    """The event that releases an intent: the proof that the triggers look for."""
    payload = {
        "payload_hash": row["payload_hash"],
        "target_code": row["target_code"],
        "artifact_kind": row["artifact_kind"],
        "natural_key": row["natural_key"],
        "artifact_version": row["artifact_version"],
        "rule_id": row["rule_id"],
        "rule_version": row["rule_version"],
        "amount": row["amount"],
        "currency_code": row["currency_code"],
        "gate_run_id": gate_run_id,
        "approval_id": approval_id,
    }
    key = row["recon_key"]
    return Draft(at, actor, "intent_released", "intent", intent_id, reason, payload, key)
