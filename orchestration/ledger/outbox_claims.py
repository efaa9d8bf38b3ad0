"""Taking intents to send.

What belongs here: claims, leases, fences; each call is one transaction. What does not: calling a
receiver, which happens between a claim and its settling, and putting down what came of it
(`orchestration.ledger.outbox_answers`). `orchestration.connectors.targets` and what stands above it
import this.

    held -> ready -> inflight -> done | refused | unknown -> (resend | look up -> swept) | parked

`inflight` is committed before the call. Whoever dies on the way leaves a lease that ends, and then
the outcome is unknown: never assumed.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, select, tuple_, update

from orchestration.core.delivery.answers import (
    BLOCKING,
    State,
)
from orchestration.core.delivery.breaker import BreakerState
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.outbox_health import (
    admit,
    load_health,
    save_health,
)
from orchestration.ledger.outbox_tables import intents

LEASE_MARGIN_SECONDS = 15
ERROR_LENGTH = 300
KEYS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """One intent taken to be sent or looked up.

    Attributes:
        fence: Grows with each taking: an answer with an older one is not believed.
        was: Its state before, to which it returns when it is not sent after all.
        look_up: Whether it is to be looked up, not written.
        failures: In a row, before this attempt.
    """

    intent_id: str
    fence: int
    was: State
    look_up: bool
    failures: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Intents of one target taken by one worker.

    Attributes:
        taken: At most one per order.
        lease_until: By the clock of waits; nothing is sent that could not end before it.
        is_probe: Whether they go to see whether the receiver is back.
    """

    target_code: str
    owner: str
    taken: tuple[Taken, ...]
    lease_until: datetime
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Why nothing was taken.

    Attributes:
        reason: `empty`: nothing is due. `limited`: the limiter. `closed_to_us`: the breaker is
            open, or the receiver asked for silence.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Worker:
    """Who delivers.

    Attributes:
        owner: Names the process.
        actor: As which its events are recorded.
        chance: From 0 to below 1, for the jitter.
    """

    owner: str
    actor: Actor
    chance: Callable[[], float] = random.random


def claim(
    connection: Connection,
    target_code: str,
    target: DeliveryTarget,
    worker: Worker,
    *,
    at: datetime,
    now: datetime,
    most: int,
) -> Claim | Wait:
    """Take what may be sent to a target now: as much as limiter and breaker let.

    Args:
        connection: From `Ledger.write`.
        target_code: The target.
        target: Its policy.
        worker: Who takes.
        at: By the wall clock, for events.
        now: By the clock of waits.
        most: Intents at most.

    Returns:
        What was taken, or why nothing was.
    """
    end_leases(connection, target_code, target, worker, at=at, now=now)
    health = load_health(connection, target_code)
    rows = _candidates(connection, target_code, most, now)
    wanted = -(-len(rows) // target.bulk_size)
    if not wanted:
        return Wait("empty")
    calls, health = admit(health, target, now, wanted)
    if not calls:
        is_open = health.breaker.state is not BreakerState.CLOSED
        is_blocked = health.blocked_until is not None and now < health.blocked_until
        return Wait("closed_to_us" if is_open or is_blocked else "limited")
    rows = rows[: calls * target.bulk_size]
    seconds = target.timeouts.total_seconds * -(-calls // target.max_in_flight)
    lease_until = now + timedelta(seconds=min(seconds, 900) + LEASE_MARGIN_SECONDS)
    taken = tuple(
        Taken(
            row["intent_id"],
            row["fence"] + 1,
            State(row["state"]),
            _must_look_up(row, target, now),
            row["failures"],
        )
        for row in rows
    )
    _lease(connection, taken, worker, lease_until, now)
    save_health(connection, health)
    payload = {"owner": worker.owner, "intent_ids": [one.intent_id for one in taken]}
    append(
        connection,
        [Draft(at, worker.actor, "intents_taken", "target", target_code, "", payload)],
    )
    is_probe = health.breaker.state is not BreakerState.CLOSED
    return Claim(target_code, worker.owner, taken, lease_until, is_probe)


def end_leases(
    connection: Connection,
    target_code: str,
    target: DeliveryTarget,
    worker: Worker,
    *,
    at: datetime,
    now: datetime,
) -> int:
    """Call the outcome of everything unknown whose lease is over; returns how many."""
    chosen = (
        select(intents.c.intent_id, intents.c.recon_key, intents.c.owner, intents.c.failures)
        .where(
            intents.c.target_code == target_code,
            intents.c.state == State.INFLIGHT,
            intents.c.next_at <= moment_text(now),
        )
        .order_by(intents.c.intent_no)
    )
    rows = connection.execute(chosen).all()
    if not rows:
        return 0
    settles = target.idempotency.mechanism == "none"
    again_at = now + timedelta(seconds=target.idempotency.settle_seconds if settles else 0)
    connection.execute(
        update(intents)
        .where(intents.c.intent_id == bindparam("id_"), intents.c.state == State.INFLIGHT)
        .values(
            state=State.UNKNOWN,
            was_unknown=True,
            owner=None,
            lease_until=None,
            next_at=moment_text(again_at),
            last_error_class="lease_ended",
            last_error="The process that sent it ended before it said what became of it.",
        ),
        [{"id_": row.intent_id} for row in rows],
    )
    reason = "The lease of the worker ended."
    append(
        connection,
        [
            Draft(
                at,
                worker.actor,
                "intent_unknown",
                "intent",
                row.intent_id,
                reason,
                {"owner": row.owner, "error_class": "lease_ended"},
                row.recon_key,
            )
            for row in rows
        ],
    )
    return len(rows)


def _candidates(
    connection: Connection, target_code: str, most: int, now: datetime
) -> list[Mapping[str, Any]]:
    """What may go: the earliest of each order, what was unknown before what is new."""
    earlier = intents.alias("earlier")
    blocked = exists().where(
        earlier.c.target_code == intents.c.target_code,
        earlier.c.order_key == intents.c.order_key,
        earlier.c.state.in_(BLOCKING),
        _position(earlier) < _position(intents),
    )
    found: list[Mapping[str, Any]] = []
    for state in (State.UNKNOWN, State.READY):
        chosen = (
            select(
                intents.c.intent_id,
                intents.c.state,
                intents.c.fence,
                intents.c.failures,
                intents.c.first_sent_at,
            )
            .where(
                intents.c.target_code == target_code,
                intents.c.state == state,
                intents.c.next_at <= moment_text(now),
                ~blocked,
            )
            .order_by(intents.c.next_at, intents.c.intent_no)
            .limit(most - len(found))
        )
        found += [dict(row) for row in connection.execute(chosen).mappings()]
    return found


def _position(table: Any) -> ColumnElement[Any]:
    """Where an intent stands among those of its order."""
    return tuple_(table.c.order_version, table.c.artifact_version, table.c.intent_no)


def _must_look_up(row: Mapping[str, Any], target: DeliveryTarget, now: datetime) -> bool:
    """Whether writing it again could make a second one: no key, or one that is forgotten by now."""
    mechanism, key_hours = target.idempotency.mechanism, target.idempotency.key_hours
    if mechanism == "none":
        return State(row["state"]) is State.UNKNOWN
    if mechanism == "native_key" and key_hours is not None and row["first_sent_at"] is not None:
        sent = datetime.fromisoformat(row["first_sent_at"])
        return now >= sent + timedelta(hours=key_hours)
    return False


def _lease(
    connection: Connection,
    taken: Sequence[Taken],
    worker: Worker,
    lease_until: datetime,
    now: datetime,
) -> None:
    """Make intents inflight; the caller's commit comes before any call."""
    for looks_up in (False, True):
        rows = [
            {"id_": one.intent_id, "fence_": one.fence} for one in taken if one.look_up is looks_up
        ]
        values: dict[str, Any] = {
            "state": State.INFLIGHT,
            "fence": bindparam("fence_"),
            "attempts": intents.c.attempts + 1,
            "owner": worker.owner,
            "lease_until": moment_text(lease_until),
            "next_at": moment_text(lease_until),
        }
        if not looks_up:
            values["first_sent_at"] = func.coalesce(intents.c.first_sent_at, moment_text(now))
        if rows:
            connection.execute(
                update(intents).where(intents.c.intent_id == bindparam("id_")).values(values), rows
            )
