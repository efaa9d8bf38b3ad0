"""The circuit breaker of one receiver, as a state that calls change.

What belongs here: when it opens, lets probes through and closes. What does not: where its state is
kept; all processes share one row (`orchestration.ledger.outbox_health`). Anyone may import this.

    closed --failures in the window--> open --time over, k probes--> closed | open, for longer

A receiver that comes and goes is not believed: when it fails again soon after it closed, the open
time goes on growing instead of starting anew.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

# A breaker that stayed closed for so many times its last open time is as good as new.
CALM_TIMES = 4


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a receiver is left alone; seconds are whole.

    Attributes:
        failures: So many within `window_seconds` open it.
        open_seconds: How long at first; doubled with each failed probe up to `open_cap_seconds`.
        probes: Calls let through when the time is over, over all processes.
        probe_seconds: A probe without an outcome for so long is taken as lost with its process.
    """

    failures: int
    window_seconds: int
    open_seconds: int
    open_cap_seconds: int
    probes: int
    probe_seconds: int


@dataclass(frozen=True, slots=True)
class BreakerRow:
    """What is known of a receiver; moments are aware.

    Attributes:
        recent: Moments of the latest failures, the oldest first; no more than open it.
        open_until: When probes may go; None while closed.
        open_seconds: How long it was opened last; 0 never.
        closed_at: When it closed last; None never.
        probes_out: Probes on their way.
        probe_since: When the latest probe was let out.
    """

    state: BreakerState = BreakerState.CLOSED
    recent: tuple[datetime, ...] = ()
    open_until: datetime | None = None
    open_seconds: int = 0
    closed_at: datetime | None = None
    probes_out: int = 0
    probe_since: datetime | None = None


def admit(
    row: BreakerRow, policy: BreakerPolicy, now: datetime, wanted: int
) -> tuple[int, BreakerRow]:
    """Return how many of the wanted calls may go, and the state with them on their way."""
    if row.state is BreakerState.CLOSED:
        return wanted, row
    if row.state is BreakerState.OPEN:
        if row.open_until is not None and now < row.open_until:
            return 0, row
        row = replace(row, state=BreakerState.HALF_OPEN, probes_out=0, probe_since=None)
    lost = row.probe_since is not None and now >= row.probe_since + timedelta(
        seconds=policy.probe_seconds
    )
    out = 0 if lost else row.probes_out
    granted = max(0, min(wanted, policy.probes - out))
    if not granted:
        return 0, replace(row, probes_out=out)
    return granted, replace(row, probes_out=out + granted, probe_since=now)


def succeeded(row: BreakerRow, now: datetime) -> BreakerRow:
    """Return the state after a call that the receiver answered as it should."""
    if row.state is not BreakerState.HALF_OPEN:
        return row  # a late answer to a call from before it opened says nothing of now
    return BreakerRow(open_seconds=row.open_seconds, closed_at=now)


def failed(row: BreakerRow, policy: BreakerPolicy, now: datetime) -> BreakerRow:
    """Return the state after a call that the receiver failed."""
    if row.state is BreakerState.OPEN:
        return row
    if row.state is BreakerState.HALF_OPEN:
        return _opened(row, policy, now, grows=True)
    recent = (*row.recent, now)[-policy.failures :]
    row = replace(row, recent=recent)
    window = timedelta(seconds=policy.window_seconds)
    if len(recent) < policy.failures or now - recent[0] > window:
        return row
    calm = timedelta(seconds=CALM_TIMES * row.open_seconds)
    return _opened(row, policy, now, grows=row.closed_at is not None and now < row.closed_at + calm)


def unsent(row: BreakerRow, count: int) -> BreakerRow:
    """Return the state after probes that were let through but never made."""
    if row.state is not BreakerState.HALF_OPEN:
        return row
    return replace(row, probes_out=max(0, row.probes_out - count))


def _opened(row: BreakerRow, policy: BreakerPolicy, now: datetime, *, grows: bool) -> BreakerRow:
    """The state just opened."""
    seconds = min(
        2 * row.open_seconds if grows else policy.open_seconds,
        policy.open_cap_seconds,
    )
    return BreakerRow(
        state=BreakerState.OPEN,
        open_until=now + timedelta(seconds=seconds),
        open_seconds=seconds,
        closed_at=row.closed_at,
    )
