"""How each receiver is: its limiter, its breaker, its latency, its outages.

What belongs here: the one row per target that all processes share. What does not: the rules
(`orchestration.core.delivery`), outages (`orchestration.ledger.outbox_incidents`) and calls. What
stands above the ledger imports this.

All of it happens in the transaction that claims or settles intents, so two processes never both
take the last token or the only probe.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, select

from orchestration.core.delivery import breaker, limiter
from orchestration.core.delivery.answers import RECEIVER_FAILED, Answer, AnswerClass
from orchestration.core.delivery.breaker import BreakerPolicy, BreakerRow, BreakerState
from orchestration.core.delivery.limiter import Bucket
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.events import moment_text
from orchestration.ledger.outbox_tables import target_health
from orchestration.ledger.projections import upsert

# A call is slow when it takes so many times the usual, and at least a quarter of what it may take.
SLOW_TIMES = 4
SLOW_SHARE = 4
USUAL_WEIGHT = 20
CALLS_BEFORE_USUAL = 20


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one receiver; moments are aware.

    Attributes:
        blocked_until: The receiver asked for silence until then.
        usual_us: The moving average of a call, microseconds.
        calls, failed_calls, slow_calls: Since ever.
        incident_id: The outage that is going on; None when none is.
        last_error: What the last failed call said.
    """

    target_code: str
    bucket: Bucket = field(default_factory=Bucket)
    breaker: BreakerRow = field(default_factory=BreakerRow)
    blocked_until: datetime | None = None
    usual_us: int = 0
    calls: int = 0
    failed_calls: int = 0
    slow_calls: int = 0
    incident_id: str | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call says of its receiver.

    Attributes:
        answer: Of one of its intents.
        is_first: Whether its document did not fail before. One document that fails again and again
            is its own fault and not the receiver's, unless nobody was reached at all.
    """

    answer: Answer
    is_first: bool


def policy_of(target: DeliveryTarget) -> BreakerPolicy:
    """Return when a target is left alone."""
    return BreakerPolicy(
        failures=target.breaker.failures,
        window_seconds=target.breaker.window_seconds,
        open_seconds=target.breaker.open_seconds,
        open_cap_seconds=target.breaker.open_cap_seconds,
        probes=target.breaker.probes,
        probe_seconds=2 * target.timeouts.total_seconds,
    )


def load_health(connection: Connection, target_code: str) -> Health:
    """Return what is known of a receiver; all is well with one that was never called."""
    chosen = select(target_health).where(target_health.c.target_code == target_code)
    row = connection.execute(chosen).first()
    if row is None:
        return Health(target_code)
    return Health(
        target_code=target_code,
        bucket=Bucket(_moment(row.full_at), row.rate_percent, _moment(row.slowed_at)),
        breaker=BreakerRow(
            state=BreakerState(row.breaker_state),
            recent=tuple(datetime.fromisoformat(each) for each in json.loads(row.recent_failures)),
            open_until=_moment(row.open_until),
            open_seconds=row.open_seconds,
            closed_at=_moment(row.closed_at),
            probes_out=row.probes_out,
            probe_since=_moment(row.probe_since),
        ),
        blocked_until=_moment(row.blocked_until),
        usual_us=row.usual_us,
        calls=row.calls,
        failed_calls=row.failed_calls,
        slow_calls=row.slow_calls,
        incident_id=row.incident_id,
        last_error=row.last_error,
    )


def save_health(connection: Connection, health: Health) -> None:
    """Keep what is known of a receiver."""
    held = health.breaker
    upsert(
        connection,
        target_health,
        [
            {
                "target_code": health.target_code,
                "full_at": _text(health.bucket.full_at),
                "rate_percent": health.bucket.rate_percent,
                "slowed_at": _text(health.bucket.slowed_at),
                "blocked_until": _text(health.blocked_until),
                "breaker_state": held.state.value,
                "recent_failures": json.dumps([moment_text(each) for each in held.recent]),
                "open_until": _text(held.open_until),
                "open_seconds": held.open_seconds,
                "closed_at": _text(held.closed_at),
                "probes_out": held.probes_out,
                "probe_since": _text(held.probe_since),
                "usual_us": health.usual_us,
                "calls": health.calls,
                "failed_calls": health.failed_calls,
                "slow_calls": health.slow_calls,
                "incident_id": health.incident_id,
                "last_error": health.last_error,
            }
        ],
    )


def admit(health: Health, target: DeliveryTarget, now: datetime, wanted: int) -> tuple[int, Health]:
    """Return how many of the wanted calls may go now, and the state with them taken."""
    if wanted < 1 or (health.blocked_until is not None and now < health.blocked_until):
        return 0, health
    let, _ = breaker.admit(health.breaker, policy_of(target), now, wanted)
    rate, burst = target.rate_per_second, target.burst
    granted, bucket = limiter.take(
        health.bucket, rate_per_second=rate, burst=burst, now=now, wanted=let
    )
    _, held = breaker.admit(health.breaker, policy_of(target), now, granted)
    return granted, replace(health, bucket=bucket, breaker=held)


def give_back(health: Health, target: DeliveryTarget, count: int) -> Health:
    """Return the state after calls that were admitted and never made."""
    bucket = limiter.give_back(health.bucket, rate_per_second=target.rate_per_second, count=count)
    return replace(health, bucket=bucket, breaker=breaker.unsent(health.breaker, count))


def learn(
    health: Health, target: DeliveryTarget, outcomes: Sequence[Outcome], now: datetime
) -> Health:
    """Return the state after calls, one outcome each, in the order in which they ended."""
    for outcome in outcomes:
        health = _learn_one(health, target, outcome, now)
    return health


def block(health: Health, until: datetime, now: datetime) -> Health:
    """Return the state after a receiver asked for silence."""
    later = max(health.blocked_until or until, until)
    return replace(health, blocked_until=later, bucket=limiter.slowed(health.bucket, now))


def _learn_one(health: Health, target: DeliveryTarget, outcome: Outcome, now: datetime) -> Health:
    """The state after one call."""
    answer = outcome.answer
    if answer.kind is AnswerClass.UNSENT:
        return give_back(health, target, 1)
    took_us = int(answer.seconds * 1_000_000)
    counted = replace(health, calls=health.calls + 1)
    if answer.kind in RECEIVER_FAILED:
        counted = replace(
            counted, failed_calls=counted.failed_calls + 1, last_error=answer.detail[:300]
        )
        probing = counted.breaker.state is not BreakerState.CLOSED
        if not (outcome.is_first or probing or answer.kind is not AnswerClass.AMBIGUOUS):
            return counted
        return replace(counted, breaker=breaker.failed(counted.breaker, policy_of(target), now))
    if answer.kind is AnswerClass.THROTTLED:
        return replace(counted, breaker=breaker.succeeded(counted.breaker, now))
    total_us = target.timeouts.total_seconds * 1_000_000
    is_slow = (
        counted.calls > CALLS_BEFORE_USUAL
        and took_us > SLOW_TIMES * counted.usual_us
        and took_us * SLOW_SHARE > total_us
    )
    if is_slow:
        detail = f"a call took {answer.seconds:.1f} s, usual are {counted.usual_us / 1e6:.3f} s"
        counted = replace(counted, slow_calls=counted.slow_calls + 1, last_error=detail)
        return replace(counted, breaker=breaker.failed(counted.breaker, policy_of(target), now))
    usual = took_us if not counted.usual_us else counted.usual_us
    usual += (took_us - usual) // USUAL_WEIGHT
    return replace(counted, usual_us=usual, breaker=breaker.succeeded(counted.breaker, now))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)
