"""Taking intents to send, and putting down what became of them.

What belongs here: claims, leases, fences, answers; each call is one transaction. What does not:
calling a receiver, which happens between a claim and its settling, and is the only thing that
does. `orchestration.connectors.targets` and what stands above it import this.

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
    DELIVERED,
    NEXT_STATE,
    RECEIVER_FAILED,
    Answer,
    AnswerClass,
    State,
)
from orchestration.core.delivery.breaker import BreakerState
from orchestration.core.delivery.waits import backoff, retry_after
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.outbox_health import (
    Outcome,
    admit,
    block,
    keep_incident,
    learn,
    load_health,
    save_health,
)
from orchestration.ledger.outbox_tables import intents

LEASE_MARGIN_SECONDS = 15
ERROR_LENGTH = 300
KEYS_AT_ONCE = 500
# The answers that say something of the document and not of the moment.
_OF_DOCUMENT = frozenset({AnswerClass.EXISTED_DIFFERENT, AnswerClass.DUPLICATED})
_ACTIONS: Mapping[State, str] = {
    State.DONE: "intent_delivered",
    State.SWEPT: "intent_found_delivered",
    State.REFUSED: "intent_refused",
    State.UNKNOWN: "intent_unknown",
    State.PARKED: "intent_parked",
    State.HELD: "intent_held",
}


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


def settle(
    connection: Connection,
    claimed: Claim,
    target: DeliveryTarget,
    worker: Worker,
    answers: Mapping[str, Answer],
    *,
    at: datetime,
    now: datetime,
) -> dict[str, State]:
    """Put down what became of a claim.

    Args:
        connection: From `Ledger.write`.
        claimed: What was taken.
        target: The policy of its target.
        worker: Who took it.
        answers: One per intent of the claim.
        at: By the wall clock.
        now: By the clock of waits.

    Returns:
        The new state of each intent. An intent whose lease ended meanwhile is missing: another
        worker has it, and what that one finds counts.
    """
    rows = _held_by(connection, claimed)
    before = load_health(connection, claimed.target_code)
    firsts = {one.intent_id: one.failures == 0 for one in claimed.taken}
    outcomes = _calls(claimed, target, answers, firsts)
    health = learn(before, target, outcomes, now)
    changes: list[dict[str, Any]] = []
    drafts: list[Draft] = []
    for one in claimed.taken:
        row = rows.get(one.intent_id)
        if row is None:
            continue
        answer = answers[one.intent_id]
        wait = retry_after(
            answer.retry_after, now=at, cap_seconds=target.retries.retry_after_cap_seconds
        )
        change = _change(row, one, answer, target, claimed, wait, worker.chance, now)
        if answer.kind is AnswerClass.THROTTLED:
            health = block(health, datetime.fromisoformat(change["next_at_"]), now)
        changes.append(change)
        drafts += _events(row, change, answer, worker, at)
    _write(connection, changes)
    append(connection, drafts)
    after = keep_incident(connection, before, health, actor=worker.actor, at=at, now=now)
    save_health(connection, after)
    return {change["id_"]: State(change["state_"]) for change in changes}


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


def _held_by(connection: Connection, claimed: Claim) -> dict[str, Mapping[str, Any]]:
    """The rows of a claim that are still its own."""
    fences = {one.intent_id: one.fence for one in claimed.taken}
    ids = list(fences)
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(ids), KEYS_AT_ONCE):
        chosen = select(
            intents.c.intent_id,
            intents.c.recon_key,
            intents.c.fence,
            intents.c.state,
            intents.c.attempts,
            intents.c.failures,
            intents.c.first_sent_at,
            intents.c.was_unknown,
            intents.c.receiver_ref,
        ).where(
            intents.c.intent_id.in_(ids[start : start + KEYS_AT_ONCE]),
            intents.c.state == State.INFLIGHT,
        )
        for row in connection.execute(chosen).mappings():
            if row["fence"] == fences[row["intent_id"]]:
                found[row["intent_id"]] = dict(row)
    return found


def _calls(
    claimed: Claim,
    target: DeliveryTarget,
    answers: Mapping[str, Answer],
    firsts: Mapping[str, bool],
) -> list[Outcome]:
    """One outcome per call: the intents of one bulk call share it."""
    found = []
    for start in range(0, len(claimed.taken), target.bulk_size):
        group = claimed.taken[start : start + target.bulk_size]
        failed = next(
            (one for one in group if answers[one.intent_id].kind in RECEIVER_FAILED), None
        )
        one = failed or group[0]
        found.append(Outcome(answers[one.intent_id], firsts[one.intent_id]))
    return found


def _change(
    row: Mapping[str, Any],
    one: Taken,
    answer: Answer,
    target: DeliveryTarget,
    claimed: Claim,
    wait: timedelta | None,
    chance: Callable[[], float],
    now: datetime,
) -> dict[str, Any]:
    """The new values of an intent after an answer."""
    policy, kind = target.retries, answer.kind
    state = NEXT_STATE[kind]
    if state is State.DONE and answer.was_looked_up:
        state = State.SWEPT
    if one.look_up and state is State.READY and kind is not AnswerClass.ABSENT:
        state = State.UNKNOWN  # looking up failed: nothing is known any better than before
    if kind is AnswerClass.UNSENT:
        state = one.was
    # A receiver that is away is not the document's fault: probes do not use its attempts up.
    fails = kind in RECEIVER_FAILED and not claimed.is_probe
    failures = row["failures"] + 1 if fails else row["failures"]
    if state in DELIVERED or kind is AnswerClass.ABSENT:
        failures = 0
    if fails and failures >= policy.most_attempts:
        state = State.PARKED
    pause = timedelta(0)
    if kind in RECEIVER_FAILED or kind is AnswerClass.THROTTLED:
        pause = (
            wait
            if wait is not None
            else backoff(
                max(failures, 1),
                base_seconds=policy.base_seconds,
                cap_seconds=policy.cap_seconds,
                jitter=policy.jitter,
                chance=chance,
            )
        )
    writes = not one.look_up
    no_key = target.idempotency.mechanism == "none"
    if state is State.UNKNOWN and no_key and kind is AnswerClass.AMBIGUOUS and writes:
        pause = timedelta(seconds=target.idempotency.settle_seconds)
    was_unknown = row["was_unknown"] or (kind is AnswerClass.AMBIGUOUS and writes)
    sweep_at = None
    if state in DELIVERED and no_key and was_unknown:
        sweep_at = moment_text(now + timedelta(seconds=target.idempotency.settle_seconds))
    never_arrived = kind in (AnswerClass.ABSENT, AnswerClass.UNSENT) and one.was is State.READY
    first_sent_at = row["first_sent_at"]
    if kind is AnswerClass.ABSENT or (never_arrived and row["attempts"] == 1):
        first_sent_at = None
    is_error = state not in DELIVERED and kind is not AnswerClass.UNSENT
    return {
        "id_": one.intent_id,
        "fence_": one.fence,
        "state_": state,
        "attempts_": row["attempts"] - (kind is AnswerClass.UNSENT),
        "failures_": failures,
        "next_at_": moment_text(now + pause),
        "first_sent_at_": first_sent_at,
        "was_unknown_": was_unknown,
        "sweep_at_": sweep_at,
        "settled_at_": moment_text(now) if state in DELIVERED or state is State.REFUSED else None,
        "receiver_ref_": answer.receiver_ref or row["receiver_ref"],
        "error_class_": kind.value if is_error else None,
        "error_": answer.detail[:ERROR_LENGTH] if is_error else None,
        "needs_approval_": kind is AnswerClass.NEEDS_CONFIRMATION,
        "hold_": answer.detail[:ERROR_LENGTH] if state is State.HELD else None,
    }


def _write(connection: Connection, changes: Sequence[Mapping[str, Any]]) -> None:
    """Write the new values of intents."""
    plain = [change for change in changes if not change["needs_approval_"]]
    confirming = [change for change in changes if change["needs_approval_"]]
    values: dict[str, Any] = {
        "state": bindparam("state_"),
        "attempts": bindparam("attempts_"),
        "failures": bindparam("failures_"),
        "next_at": bindparam("next_at_"),
        "first_sent_at": bindparam("first_sent_at_"),
        "was_unknown": bindparam("was_unknown_"),
        "sweep_at": bindparam("sweep_at_"),
        "settled_at": bindparam("settled_at_"),
        "receiver_ref": bindparam("receiver_ref_"),
        "last_error_class": bindparam("error_class_"),
        "last_error": bindparam("error_"),
        "hold_reason": bindparam("hold_"),
        "owner": None,
        "lease_until": None,
    }
    where = (intents.c.intent_id == bindparam("id_"), intents.c.fence == bindparam("fence_"))
    if plain:
        connection.execute(update(intents).where(*where).values(values), plain)
    if confirming:
        # Once the receiver asked for confirmation, only a named approval releases it.
        asked = values | {"needs_approval": True, "approval_id": None}
        connection.execute(update(intents).where(*where).values(asked), confirming)


def _events(
    row: Mapping[str, Any], change: Mapping[str, Any], answer: Answer, worker: Worker, at: datetime
) -> list[Draft]:
    """The event of an answer; an intent that merely waits to be sent again needs none."""
    state = State(change["state_"])
    if state not in _ACTIONS or answer.kind is AnswerClass.UNSENT:
        return []
    if state is State.UNKNOWN and answer.kind not in (AnswerClass.AMBIGUOUS, *_OF_DOCUMENT):
        return []
    payload = {
        "answer_class": answer.kind.value,
        "receiver_ref": change["receiver_ref_"],
        "attempts": change["attempts_"],
        "failures": change["failures_"],
    }
    reason = answer.detail[:ERROR_LENGTH]
    action, subject = _ACTIONS[state], row["intent_id"]
    return [Draft(at, worker.actor, action, "intent", subject, reason, payload, row["recon_key"])]
