"""Receivers of what goes downstream: what waits for each, and whether it is spoken to.

What belongs here: the figures of the overview. What does not: delivering and its rules
(`orchestration.delivery`, `orchestration.core.delivery`).
"""

from dataclasses import dataclass
from datetime import datetime

from console.ledger_desk import Desk
from console.settled import moment_of

_HEALTH = (
    "select target_code, breaker_state, open_until, usual_us, calls, failed_calls, last_error "
    "from target_health order by target_code"
)
_COUNTS = "select target_code, state, count(*) as n from intents group by target_code, state"
_WAITING = frozenset({"ready", "inflight", "unknown"})


@dataclass(frozen=True, slots=True)
class Receiver:
    """How one target stands.

    Attributes:
        code: Of the policy of targets.
        breaker: `closed` (calls go out), `open` (none do), `half_open` (a few try).
        open_until: When the next try goes; None while calls go out.
        usual_ms: What a call usually takes, whole milliseconds; None before the first.
        waiting: Documents that are to be sent and are not yet.
        held: Documents that a gate or a person holds back.
        last_error: What the last failed call said; "" without one.
    """

    code: str
    breaker: str
    open_until: datetime | None
    usual_ms: int | None
    calls: int
    failed_calls: int
    waiting: int
    held: int
    last_error: str


def receivers(desk: Desk) -> list[Receiver]:
    """Return the targets that were ever sent to or have something to be sent, by code."""
    with desk.reader() as reader:
        if reader is None or not reader.has_table("target_health"):
            return []
        health = {row["target_code"]: row for row in reader.rows(_HEALTH)}
        counts: dict[str, dict[str, int]] = {}
        for row in reader.rows(_COUNTS):
            counts.setdefault(row["target_code"], {})[row["state"]] = row["n"]
    found = []
    for code in sorted(health.keys() | counts.keys()):
        row, own = health.get(code, {}), counts.get(code, {})
        found.append(
            Receiver(
                code=code,
                breaker=row.get("breaker_state", "closed"),
                open_until=moment_of(row.get("open_until")),
                usual_ms=row["usual_us"] // 1000 if row.get("calls") else None,
                calls=row.get("calls", 0),
                failed_calls=row.get("failed_calls", 0),
                waiting=sum(n for state, n in own.items() if state in _WAITING),
                held=own.get("held", 0),
                last_error=row.get("last_error") or "",
            )
        )
    return found
