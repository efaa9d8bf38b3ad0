"""Outages of receivers on record, with all that waits because of them.

What belongs here: opening, extending and closing an incident as a breaker does. What does not: the
breaker (`orchestration.ledger.outbox_health`). Only the ledger package imports this.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, literal, select, update

from orchestration.core.delivery.answers import State
from orchestration.core.delivery.breaker import BreakerState
from orchestration.core.delivery.payloads import fingerprint
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.outbox_health import Health
from orchestration.ledger.outbox_tables import incident_members, incidents, intents

MEMBERS_NAMED = 100
_WAITING = (State.READY, State.INFLIGHT, State.UNKNOWN)


def keep_incident(
    connection: Connection,
    before: Health,
    after: Health,
    *,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> Health:
    """Open, extend or close the incident of a receiver as its breaker did.

    An event `external_system_failure` opens it: with the first hundred orders that wait, their
    number, and a fingerprint of all; every intent that waits becomes a member. The orders that
    come while it is open are added when it closes.
    """
    was_closed = before.breaker.state is BreakerState.CLOSED
    is_closed = after.breaker.state is BreakerState.CLOSED
    if was_closed and not is_closed and after.incident_id is None:
        return _open_incident(connection, before, after, actor=actor, at=at, now=now)
    if after.incident_id is not None and is_closed:
        return _close_incident(connection, after, actor=actor, at=at, now=now)
    return after


def _open_incident(
    connection: Connection,
    before: Health,
    after: Health,
    *,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> Health:
    """Put an outage on record with all that waits because of it."""
    code = after.target_code
    incident_id = f"inc_{fingerprint(code, moment_text(now))[:20]}"
    slow = after.slow_calls - before.slow_calls
    failed = after.failed_calls - before.failed_calls
    cause = "rising_latency" if slow > failed else "failed_writes"
    connection.execute(
        insert(incidents).values(
            incident_id=incident_id,
            target_code=code,
            cause_code=cause,
            opened_at=moment_text(now),
            closed_at=None,
            member_count=0,
            last_error=after.last_error,
        )
    )
    count = _add_members(connection, incident_id, code)
    waiting = (
        select(intents.c.recon_key)
        .where(
            intents.c.target_code == code,
            intents.c.state.in_(_WAITING),
            intents.c.recon_key != "",
        )
        .distinct()
        .order_by(intents.c.recon_key)
        .limit(MEMBERS_NAMED)
    )
    payload: dict[str, Any] = {
        "target_code": code,
        "cause_code": cause,
        "failed_calls": failed,
        "slow_calls": slow,
        "member_count": count,
        "recon_keys": [row.recon_key for row in connection.execute(waiting)],
        "open_seconds": after.breaker.open_seconds,
    }
    reason = f"{code} fails: {after.last_error or 'no message'}"
    append(
        connection,
        [Draft(at, actor, "external_system_failure", "incident", incident_id, reason, payload)],
    )
    return replace(after, incident_id=incident_id)


def _close_incident(
    connection: Connection, after: Health, *, actor: Actor, at: datetime, now: datetime
) -> Health:
    """Put the end of an outage on record."""
    incident_id = str(after.incident_id)
    count = _add_members(connection, incident_id, after.target_code)
    connection.execute(
        update(incidents)
        .where(incidents.c.incident_id == incident_id)
        .values(closed_at=moment_text(now))
    )
    payload = {"target_code": after.target_code, "member_count": count}
    reason = f"{after.target_code} answers again."
    append(
        connection,
        [Draft(at, actor, "external_system_recovered", "incident", incident_id, reason, payload)],
    )
    return replace(after, incident_id=None)


def _add_members(connection: Connection, incident_id: str, target_code: str) -> int:
    """Make every intent that waits for a target a member; returns how many members there are."""
    there = select(incident_members.c.intent_id).where(
        incident_members.c.incident_id == incident_id
    )
    waiting = select(literal(incident_id), intents.c.intent_id).where(
        intents.c.target_code == target_code,
        intents.c.state.in_(_WAITING),
        intents.c.intent_id.not_in(there),
    )
    connection.execute(insert(incident_members).from_select(["incident_id", "intent_id"], waiting))
    counted = select(func.count()).where(incident_members.c.incident_id == incident_id)
    count = int(connection.execute(counted).scalar() or 0)
    connection.execute(
        update(incidents).where(incidents.c.incident_id == incident_id).values(member_count=count)
    )
    return count
