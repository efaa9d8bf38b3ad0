"""Putting down what receivers answered to a claim.

What belongs here: the new state of each intent, its event, and what the answers say of the
receiver, in one transaction. What does not: taking intents (`orchestration.ledger.outbox_claims`)
and calling. `orchestration.connectors.targets` and what stands above it import this.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from orchestration.core.delivery.answers import (
    DELIVERED,
    NEXT_STATE,
    RECEIVER_FAILED,
    Answer,
    AnswerClass,
    State,
)
from orchestration.core.delivery.waits import backoff, retry_after
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.events import Draft, append, moment_text
from orchestration.ledger.outbox_claims import Claim, Taken, Worker
from orchestration.ledger.outbox_health import (
    Outcome,
    block,
    learn,
    load_health,
    save_health,
)
from orchestration.ledger.outbox_incidents import keep_incident
from orchestration.ledger.outbox_tables import intents

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
