"""The clock by which leases, waits and settle times are measured.

What belongs here: time that only passes, for all processes alike. What does not: the moments of
events, which are the wall clock's. The ledger package and what stands above it import this.

A wall clock that is set a day ahead would end every lease and settle time at once; one that is set
back would stop the queue. So time is what has passed on this machine since it was last looked at;
only after a restart of the machine, or on another one, the wall clock is asked, and even then it
never goes back.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from orchestration.ledger.events import moment_text
from orchestration.ledger.outbox_tables import delivery_clock
from orchestration.ledger.projections import upsert

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return what names this run of the machine; empty where it cannot be told."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Instruments:
    """What is read off the machine; tests put their own in.

    Attributes:
        wall: The wall clock, aware UTC.
        uptime: Seconds that only grow, the same for all processes since the machine started.
        boot: Names this run of the machine; empty when unknown.
    """

    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    uptime: Callable[[], float] = time.monotonic
    boot: Callable[[], str] = boot_id


@dataclass(slots=True)
class DeliveryClock:
    """Time that only passes.

    Attributes:
        base: What it was when this process looked first.
        started: The uptime then, seconds.
    """

    instruments: Instruments
    base: datetime
    started: float

    def now(self) -> datetime:
        """Return the moment of the clock of waits, aware UTC."""
        passed = max(0.0, self.instruments.uptime() - self.started)
        return self.base + timedelta(seconds=passed)

    def wall(self) -> datetime:
        """Return the moment of the wall clock, for events and for what receivers say."""
        return self.instruments.wall()

    def keep(self, connection: Connection) -> datetime:
        """Put the moment on record, so that no process goes behind it; returns it."""
        now = self.now()
        kept = connection.execute(select(delivery_clock.c.at)).scalar()
        if kept is None or kept < moment_text(now):
            row = {
                "row_no": 1,
                "at": moment_text(now),
                "boot_id": self.instruments.boot(),
                "uptime_us": int(self.instruments.uptime() * 1_000_000),
            }
            upsert(connection, delivery_clock, [row])
        return now


def open_clock(connection: Connection, instruments: Instruments | None = None) -> DeliveryClock:
    """Return the clock of a ledger as it goes on from what was kept last."""
    instruments = instruments or Instruments()
    row = connection.execute(select(delivery_clock)).first()
    uptime, wall = instruments.uptime(), instruments.wall()
    if row is None:
        return DeliveryClock(instruments, wall, uptime)
    kept = datetime.fromisoformat(row.at)
    passed = uptime - row.uptime_us / 1_000_000
    if row.boot_id and row.boot_id == instruments.boot() and passed >= 0:
        return DeliveryClock(instruments, kept + timedelta(seconds=passed), uptime)
    return DeliveryClock(instruments, max(kept, wall), uptime)
