"""How the outbox stands: what waits, what is parked, and why.

What belongs here: questions to the outbox. What does not: how answers look. The command line, the
console and Dagster's checks import this.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from orchestration.core.delivery.answers import DELIVERED, State
from orchestration.ledger.outbox_health import load_health
from orchestration.ledger.outbox_tables import incident_members, incidents, intents

WAITING = (State.READY, State.INFLIGHT, State.UNKNOWN)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """How one target stands.

    Attributes:
        counts: Intents by state.
        unanswered_since: When the first of those was sent that nobody has acknowledged; None when
            none was.
        last_acknowledged_at: When the receiver acknowledged or refused something last.
        oldest_waiting_at: Since when the first of those that wait was due; None when none waits.
        breaker: `closed`, `open` or `half_open`.
        open_until: When probes go; None while closed.
        rate_percent: Share of the policy's rate that is used now.
        usual_ms: What a call usually takes, whole milliseconds.
        incident_id: The outage that is going on; None when none is.
        last_error: What the last failed call said.
    """

    target_code: str
    counts: dict[str, int]
    unanswered_since: str | None
    last_acknowledged_at: str | None
    oldest_waiting_at: str | None
    breaker: str
    open_until: datetime | None
    blocked_until: datetime | None
    rate_percent: int
    usual_ms: int
    calls: int
    failed_calls: int
    incident_id: str | None
    last_error: str | None

    @property
    def waiting(self) -> int:
        """Intents that are to be sent and are not yet."""
        return sum(self.counts.get(state, 0) for state in WAITING)

    @property
    def delivered(self) -> int:
        """Intents that the receiver has."""
        return sum(self.counts.get(state, 0) for state in DELIVERED)


@dataclass(frozen=True, slots=True)
class Stuck:
    """An intent that does not go by itself, or whose outcome is unknown."""

    intent_id: str
    target_code: str
    natural_key: str
    recon_key: str
    state: str
    attempts: int
    next_at: str
    why: str


def read_targets(connection: Connection, target_codes: tuple[str, ...]) -> tuple[TargetStatus, ...]:
    """Return how targets stand, in the order given."""
    counted = select(intents.c.target_code, intents.c.state, func.count().label("found")).group_by(
        intents.c.target_code, intents.c.state
    )
    counts: dict[str, dict[str, int]] = {}
    for row in connection.execute(counted):
        counts.setdefault(row.target_code, {})[row.state] = row.found
    return tuple(
        _status(connection, code, counts.get(code, {}))
        for code in (*target_codes, *sorted(set(counts) - set(target_codes)))
    )


def read_stuck(
    connection: Connection, target_code: str | None = None, most: int = SHOWN
) -> tuple[Stuck, ...]:
    """Return intents that are parked, unknown, refused or held by their receiver, oldest first."""
    wanted = select(intents).where(
        intents.c.state.in_([State.PARKED, State.UNKNOWN, State.REFUSED])
        | ((intents.c.state == State.HELD) & (intents.c.attempts > 0))
    )
    if target_code is not None:
        wanted = wanted.where(intents.c.target_code == target_code)
    order = wanted.order_by(intents.c.state, intents.c.intent_no).limit(most)
    return tuple(
        Stuck(
            row.intent_id,
            row.target_code,
            row.natural_key,
            row.recon_key,
            row.state,
            row.attempts,
            row.next_at,
            ": ".join(filter(None, (row.last_error_class, row.last_error or row.hold_reason))),
        )
        for row in connection.execute(order)
    )


def held_reasons(connection: Connection, most: int = SHOWN) -> tuple[tuple[str, str, int], ...]:
    """Return why intents are held: target, reason, how many; the most frequent first."""
    found = func.count().label("found")
    rows = connection.execute(
        select(intents.c.target_code, intents.c.hold_reason, found)
        .where(intents.c.state == State.HELD)
        .group_by(intents.c.target_code, intents.c.hold_reason)
        .order_by(found.desc(), intents.c.target_code, intents.c.hold_reason)
        .limit(most)
    )
    return tuple((row.target_code, row.hold_reason or "", row.found) for row in rows)


def open_incidents(connection: Connection) -> tuple[dict[str, object], ...]:
    """Return the outages that are going on, with the orders that they hold up."""
    rows = connection.execute(select(incidents).where(incidents.c.closed_at.is_(None))).mappings()
    return tuple(dict(row) for row in rows)


def orders_of_incident(connection: Connection, incident_id: str) -> tuple[str, ...]:
    """Return the reconciliation keys that an outage concerns, in order."""
    rows = connection.execute(
        select(intents.c.recon_key)
        .join(incident_members, incident_members.c.intent_id == intents.c.intent_id)
        .where(incident_members.c.incident_id == incident_id, intents.c.recon_key != "")
        .distinct()
        .order_by(intents.c.recon_key)
    )
    return tuple(row.recon_key for row in rows)


def _status(connection: Connection, code: str, counts: dict[str, int]) -> TargetStatus:
    """How one target stands."""
    waits = connection.execute(
        select(
            func.min(intents.c.next_at).label("oldest"),
            func.min(intents.c.first_sent_at).label("unanswered"),
        ).where(intents.c.target_code == code, intents.c.state.in_(WAITING))
    ).one()
    acknowledged = connection.execute(
        select(func.max(intents.c.settled_at)).where(
            intents.c.target_code == code, intents.c.state.in_([*DELIVERED, State.REFUSED])
        )
    ).scalar()
    health = load_health(connection, code)
    return TargetStatus(
        code,
        counts,
        waits.unanswered,
        acknowledged,
        waits.oldest,
        health.breaker.state.value,
        health.breaker.open_until,
        health.blocked_until,
        health.bucket.rate_percent,
        health.usual_us // 1000,
        health.calls,
        health.failed_calls,
        health.incident_id,
        health.last_error,
    )
