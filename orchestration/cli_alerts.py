"""`meshline alerts`: how alerts stand, looking and sending, a test of a channel.

What belongs here: the look of answers. What does not: alerts (`orchestration.alerting`). Only the
command line may import this.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Any

from orchestration.alerting import (
    SECONDS_BETWEEN_LOOKS,
    AlertDesk,
    Swept,
    open_desk,
    read_rows,
    read_status,
    sweep,
)
from orchestration.cli_display import clean, print_json, stderr, stdout, table
from orchestration.ledger.alert_claims import Outgoing
from orchestration.settings import Settings


def show_alerts(settings: Settings, limit: int, *, as_json: bool, one_by_one: bool) -> None:
    """Print messages, what waits in each channel, and what does not get through."""
    status = read_status(settings, limit)
    rows = read_rows(settings, limit) if one_by_one else []
    if as_json:
        print_json({**asdict(status), "alerts": rows})
        return
    console = stdout()
    if one_by_one:
        columns: tuple[str, ...] = (
            "raised", "event", "severity", "about", "channel", "state", "why.",
        )  # fmt: skip
        shown = ((_minute(row["raised_at"]), row["event_code"], row["severity_code"],
                  row["subject_id"], row["channel_code"], row["state"],
                  row["because"] or row["message_id"]) for row in rows)  # fmt: skip
        console.print(table("Alerts", columns, shown) if rows else "No alert.")
        return
    if status.tellings:
        columns = ("channel", "waiting>", "held>", "told>", "dropped>")
        counted = (
            (name, *(states.get(each, 0) for each in ("waiting", "held", "told", "dropped")))
            for name, states in sorted(status.tellings.items())
        )
        console.print(table("Alerts by channel", columns, counted))
    columns = ("made", "state", "channel", "alerts>", "tries>", "subject.")
    messages = (
        (_minute(row["made_at"]), row["state"], row["channel_code"], row["alert_count"],
         row["attempts"], row["subject"])
        for row in status.messages
    )  # fmt: skip
    console.print(table("Messages", columns, messages) if status.messages else "No message yet.")
    for row in status.stuck:
        console.print(
            f"{clean(row['message_id'])} was tried {row['attempts']} times:"
            f" {clean(row['last_error'])}; it goes again.",
            soft_wrap=True,
        )
    looked = _minute(status.last_watch_at) or "never: `meshline alerts send` looks and sends"
    console.print(f"Looked last: {looked}.  Sent last: {_minute(status.last_sent_at) or 'never'}.")
    if status.next_step_at is not None:
        console.print(f"The next step of escalation is due {_minute(status.next_step_at)} UTC.")


def send_alerts(settings: Settings, *, watch: bool, as_json: bool) -> int:
    """Look and send, once or until it is stopped; returns 1 when something was not taken."""
    console, stop = stderr(), threading.Event()

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()  # what is on its way is put down first

    def progress(message: Outgoing, error: str | None) -> None:
        what = "sent" if error is None else f"not taken: {error}"
        console.print(
            f"{clean(message.channel_code)}: {clean(message.subject)}: {clean(what)}",
            soft_wrap=True,
        )

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    with _desk(settings) as desk:
        while True:
            swept = sweep(desk, stop, progress)
            if watch and not stop.wait(SECONDS_BETWEEN_LOOKS):
                continue
            break
    if as_json:
        print_json(asdict(swept))
    else:
        _print_swept(swept)
    return 1 if swept.failed else 0


def check_channel(settings: Settings, channel: str) -> int:
    """Send a message that says that a channel works; returns 1 when it was not taken."""
    with _desk(settings) as desk:
        message_id = desk.test(channel)
        swept = Swept()
        desk.send_waiting(swept, threading.Event())
    failed = [error for name, error in swept.failed if name == channel]
    if failed:
        stderr().print(f"meshline: {clean(channel)}: {clean(failed[0])}", soft_wrap=True)
        return 1
    stdout().print(f"{clean(channel)} has taken {message_id}.")
    return 0


@contextmanager
def _desk(settings: Settings) -> Iterator[AlertDesk]:
    desk = open_desk(settings)
    try:
        yield desk
    finally:
        desk.ledger.close()


def _print_swept(swept: Swept) -> None:
    """Say what one look and the sending after it did."""
    looked, console = swept.looked, stdout()
    planned = looked.planned
    console.print(
        f"{looked.ticked.steps:,} steps of escalation, {looked.raised:,} other alerts;"
        f" {planned.messages:,} messages of {planned.told:,} alerts,"
        f" {planned.held:,} held while their cause is down, {planned.dropped:,} over before."
    )
    console.print(f"{swept.sent:,} sent, {len(swept.failed):,} not taken; those go again.")
    for problem in swept.problems:
        console.print(clean(problem), soft_wrap=True)


def _minute(text: Any) -> str | None:
    """A moment of the ledger as people read it."""
    return str(text)[:16].replace("T", " ") if text else None
