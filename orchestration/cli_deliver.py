"""`meshline deliver`: sending with progress, and how delivery stands.

What belongs here: the look of answers. What does not: delivering (`orchestration.delivery`). Only
the command line may import this.
"""

import signal
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime
from types import FrameType

from orchestration.cli_display import clean, print_json, stderr, stdout, table
from orchestration.connectors.targets.base import CallFailed
from orchestration.connectors.targets.courier import Delivered
from orchestration.core.errors import UsageRefused
from orchestration.delivery import (
    DeliveryReport,
    Status,
    deliver_published,
    hear_notice,
    read_status,
    roles_that_resume,
)
from orchestration.ledger.outbox_clock import open_clock
from orchestration.ledger.outbox_release import resume
from orchestration.ledger.people import find_actor
from orchestration.ledger.store import open_ledger
from orchestration.settings import Settings

SECONDS_BETWEEN_LINES = 3.0


def send(
    settings: Settings,
    target: str | None,
    *,
    once: bool,
    compare: bool,
    adopt: bool,
    as_json: bool,
) -> int:
    """Deliver and print what became of it; returns the exit code: 1 when there is a problem."""
    console, stop, lock = stderr(), threading.Event(), threading.Lock()
    told_at: dict[str, float] = {}

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()  # what is on its way is put down first

    def progress(name: str, done: Delivered) -> None:
        with lock:
            if time.monotonic() - told_at.get(name, 0.0) < SECONDS_BETWEEN_LINES:
                return
            told_at[name] = time.monotonic()
            told = ", ".join(f"{state} {count:,}" for state, count in sorted(done.states.items()))
            console.print(f"{clean(name)}: {clean(told)}")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    report = deliver_published(
        settings,
        code=target,
        once=once,
        compare=compare,
        adopt=adopt,
        stop=stop,
        progress=progress,
    )
    status = read_status(settings, target)
    if as_json:
        print_json({**_report(report), **_status(status)})
    else:
        _print_report(report)
        _print_status(status)
    for problem in report.problems:
        console.print(f"meshline: {clean(problem)}", soft_wrap=True)
    return 1 if report.problems else 0


def show_delivery(settings: Settings, target: str | None, *, as_json: bool) -> None:
    """Print breakers, backlog, and what does not go by itself."""
    status = read_status(settings, target)
    if as_json:
        print_json(_status(status))
        return
    _print_status(status)


def resume_intent(settings: Settings, intent_id: str, account: str, reason: str) -> None:
    """Let a parked artifact go on.

    Raises:
        NotAllowed: Nobody knows the account, or its role may not.
        UsageRefused: The intent is not parked.
    """
    now = datetime.now(UTC)
    with open_ledger(settings.ledger_database) as ledger, ledger.write() as connection:
        actor = find_actor(connection, account)
        state = resume(
            connection,
            intent_id,
            actor=actor,
            at=now,
            now=open_clock(connection).now(),
            reason=reason,
            may_resume=lambda target: roles_that_resume(settings, target, now.date()),
        )
    stdout().print(f"{clean(intent_id)} is {state}: the next `meshline deliver` takes it.")


def hear(settings: Settings, target: str, signature: str, body: bytes) -> None:
    """Take a notice of a receiver, and say what it came to.

    Raises:
        UsageRefused: It is not genuine, or the receiver could not be asked.
    """
    try:
        noticed = hear_notice(settings, target, body, signature)
    except CallFailed as failed:
        raise UsageRefused(
            f"{target} could not be asked about its notice: {failed}. It may be given again."
        ) from None
    told = noticed.found if noticed.is_new else "heard before, nothing to do"
    stdout().print(f"notice {clean(noticed.event_id)}: {clean(told)}")


def _report(report: DeliveryReport) -> dict[str, object]:
    """A report as JSON can hold it."""
    return {
        "enqueued": asdict(report.enqueued),
        "delivered": {
            name: {
                "states": dict(done.states),
                "answers": dict(done.answers),
                "stopped_because": done.stopped_because,
            }
            for name, done in sorted(report.delivered.items())
        },
        "adopted": report.adopted,
        "compared": [asdict(one) for one in report.compared],
        "problems": report.problems,
    }


def _status(status: Status) -> dict[str, object]:
    """A status as JSON can hold it."""
    return {
        "targets": [{**asdict(one), "waiting": one.waiting} for one in status.targets],
        "stuck": [asdict(one) for one in status.stuck],
        "held": [
            {"target_code": code, "reason": reason, "count": count}
            for code, reason, count in status.held
        ],
    }


def _print_report(report: DeliveryReport) -> None:
    """Say what this delivery did."""
    known = report.enqueued
    console = stdout()
    console.print(
        f"Artifacts: {known.released:,} released, {known.held:,} newly held, "
        f"{known.superseded:,} superseded, {known.unchanged:,} as they were."
    )
    for name, count in sorted(report.adopted.items()):
        console.print(f"{clean(name)} held {count:,} of them already.")
    for one in report.compared:
        console.print(
            f"{clean(one.target_code)} holds {one.held:,} of ours: {one.missing:,} missing, "
            f"{one.duplicated:,} twice, {one.different:,} different, {one.strangers:,} unknown."
        )


def _print_status(status: Status) -> None:
    """Say what waits, and why."""
    console = stdout()
    columns = ["target", "delivered>", "waiting>", "unknown>", "held>", "refused>", "parked>"]
    console.print(
        table(
            "Targets",
            [*columns, "breaker", "until", "last error."],
            (
                (
                    one.target_code,
                    one.delivered,
                    one.waiting,
                    one.counts.get("unknown", 0),
                    one.counts.get("held", 0),
                    one.counts.get("refused", 0),
                    one.counts.get("parked", 0),
                    one.breaker,
                    one.open_until or one.blocked_until,
                    one.last_error if one.breaker != "closed" else None,
                )
                for one in status.targets
            ),
        )
    )
    if status.held:
        console.print(table("Held", ["target", "artifacts>", "why."], _held(status)))
    if status.stuck:
        console.print(
            table(
                "Does not go by itself, or its outcome is unknown",
                ["intent", "target", "document", "state", "attempts>", "why."],
                (
                    (
                        one.intent_id,
                        one.target_code,
                        one.natural_key,
                        one.state,
                        one.attempts,
                        one.why,
                    )
                    for one in status.stuck
                ),
            )
        )
        console.print("`meshline deliver resume INTENT` lets a parked one go on.")


def _held(status: Status) -> list[tuple[str, int, str]]:
    """Why artifacts are held."""
    return [(code, count, reason) for code, reason, count in status.held]
