"""The lock that lets one run at a time write a home, and the sign of life of who holds it.

What belongs here: taking, holding and reading the lock file. What does not: the record of runs,
which is `orchestration.warehouse.runs`. Imported by defs and cli; imports core and settings only.

The lock is the operating system's (`flock`): it is gone with the process that held it, however that
ended, so a killed run never blocks the next one. What stands in the file is for people only.
"""

import fcntl
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.errors import WarehouseBusy
from orchestration.settings import Settings

HEARTBEAT_SECONDS = 2.0
SILENT_AFTER_SECONDS = 60
_RECORD_BYTES = 512

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wrote the lock file last.

    Attributes:
        pid: Process id on `host`.
        host: Name of the machine.
        since: When it took the lock, aware UTC.
        heartbeat_at: Its last sign of life, aware UTC.
    """

    pid: int
    host: str
    since: datetime
    heartbeat_at: datetime

    def silent_seconds(self, now: datetime) -> int:
        """Whole seconds since the last sign of life; 0 when the clock went backwards."""
        return max(0, int((now - self.heartbeat_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class RunLock:
    """Proof that this process holds the home's lock.

    Attributes:
        path: The lock file.
        predecessor: Who held the lock before and never gave it back, None after a clean end.
    """

    path: Path
    predecessor: Holder | None


def lock_path(settings: Settings) -> Path:
    """The lock file of a home; it stays in place for ever, deleting it would undo the lock."""
    return settings.home / "run.lock"


@contextmanager
def run_lock(
    settings: Settings, *, clock: Clock = utc_now, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> Iterator[RunLock]:
    """Hold the home's lock, with a sign of life every few seconds.

    Not re-entrant: a second attempt by the same process is refused like anybody's.

    Args:
        settings: Names the home, which is created when missing.
        clock: Returns aware UTC; stamps the lock file only.
        heartbeat_seconds: Pause between two signs of life.

    Raises:
        WarehouseBusy: Another run holds it; the message names its process and since when.
    """
    path = lock_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(_busy_message(settings, _read(descriptor), clock())) from None
        predecessor = _read(descriptor)
        since = clock()
        _write(descriptor, since, since)
        stop = threading.Event()
        beat = threading.Thread(
            target=_beat,
            args=(descriptor, since, clock, heartbeat_seconds, stop),
            name="meshline-heartbeat",
            daemon=True,
        )
        beat.start()
        try:
            yield RunLock(path, predecessor)
        finally:
            stop.set()
            beat.join()
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def current_holder(settings: Settings, *, now: datetime) -> Holder | None:
    """Return who is running in this home, for display; takes no lock and so disturbs no run.

    A holder that was killed leaves its name behind: it counts as gone when its process is, or when
    it gave no sign of life for a minute (the id may belong to another process by then).
    """
    try:
        descriptor = os.open(lock_path(settings), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        holder = _read(descriptor)
    finally:
        os.close(descriptor)
    if holder is None or holder.silent_seconds(now) > SILENT_AFTER_SECONDS:
        return None
    return holder if holder.host != socket.gethostname() or _is_alive(holder.pid) else None


def _is_alive(pid: int) -> bool:
    """Whether a process of this machine has that id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _beat(
    descriptor: int, since: datetime, clock: Clock, pause_seconds: float, stop: threading.Event
) -> None:
    """Write a sign of life until told to stop."""
    while not stop.wait(pause_seconds):
        _write(descriptor, since, clock())


def _write(descriptor: int, since: datetime, heartbeat_at: datetime) -> None:
    """Overwrite the record in one write of fixed size, so that no reader sees half of it."""
    record = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": since.isoformat(),
        "heartbeat_at": heartbeat_at.isoformat(),
    }
    os.pwrite(descriptor, json.dumps(record).encode().ljust(_RECORD_BYTES), 0)


def _read(descriptor: int) -> Holder | None:
    """Return who stands in the lock file; None when it is empty or unreadable."""
    try:
        record = json.loads(os.pread(descriptor, _RECORD_BYTES, 0))
        return Holder(
            pid=int(record["pid"]),
            host=str(record["host"]),
            since=datetime.fromisoformat(record["since"]),
            heartbeat_at=datetime.fromisoformat(record["heartbeat_at"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _busy_message(settings: Settings, holder: Holder | None, now: datetime) -> str:
    """Say who holds the warehouse, since when, and what to do."""
    if holder is None:
        return (
            f"Another run is just starting in {settings.home}. Nothing was changed; "
            "try again when it has ended."
        )
    silent = holder.silent_seconds(now)
    advice = "Nothing was changed; try again when it has ended."
    if silent > SILENT_AFTER_SECONDS:
        advice = (
            f"It has given no sign of life for {silent // 60} minutes and may hang: "
            f"`kill -9 {holder.pid}` frees the warehouse, and the next run starts clean."
        )
    return (
        f"Another run holds the warehouse in {settings.home}: process {holder.pid} on "
        f"{holder.host}, since {holder.since:%Y-%m-%d %H:%M:%S} UTC. {advice}"
    )
