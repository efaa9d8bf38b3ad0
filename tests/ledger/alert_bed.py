"""What the tests of alerts share: a desk with a clock turned by hand, tickets, receivers.

What belongs here: making and asking. What does not: judgement.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes

from aiosmtpd.controller import Controller
from sqlalchemy import select

from orchestration.alerting import AlertDesk, Swept, sweep
from orchestration.core.policies.documents import AlertChannels
from orchestration.ledger.alert_tables import alert_messages, alert_tellings, alerts
from orchestration.ledger.outbox_clock import Instruments
from orchestration.ledger.store import Ledger, open_ledger
from orchestration.settings import Settings

ROLES = ("SALES", "FINANCE", "OPERATIONS", "MARKETPLACE", "DATA", "PAGER", "CONTROL", "WEBHOOK")
# A Tuesday, in working hours: nothing is quiet, every morning is over.
WHEN = datetime(2026, 6, 2, 10, 20, tzinfo=UTC)


@dataclass
class HandClock:
    """Wall and uptime that pass when they are told to; uptime passes by itself besides."""

    at: datetime = WHEN
    moved: float = 0.0

    def instruments(self) -> Instruments:
        return Instruments(lambda: self.at, lambda: time.monotonic() + self.moved, lambda: "boot")

    def pass_by(self, **span: float) -> None:
        self.at += timedelta(**span)
        self.moved += timedelta(**span).total_seconds()


@dataclass
class Mailbox:
    """An SMTP server on loopback that can refuse, hang up, or lose its answer.

    Attributes:
        answers: What becomes of the next mails: 451, close, lose (taken, but the answer is lost).
    """

    taken: list[tuple[str, str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    attempts: int = 0

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802, as aiosmtpd names it
        self.attempts += 1
        answer = self.answers.pop(0) if self.answers else "take"
        if answer == "451":
            return "451 try again later"
        if answer == "close":
            server.transport.abort()
            return "421 gone"
        mail = message_from_bytes(envelope.content)
        (text,) = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
        body = text.get_payload(decode=True).decode()
        self.taken.append((mail["Message-ID"], str(mail["Subject"]), body))
        assert len(mail.get_all("Message-ID")) == 1
        if answer == "lose":
            server.transport.abort()
        return "250 OK"

    def ids(self) -> Counter[str]:
        return Counter(one for one, _, _ in self.taken)


@contextmanager
def mail_server(box: Mailbox, port: int = 0) -> Iterator[int]:
    """Serve a mailbox; yields its port."""
    controller = Controller(box, hostname="127.0.0.1", port=port or free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def no_addresses(monkeypatch) -> None:
    for role in ROLES:
        monkeypatch.delenv(f"MESHLINE_CHANNEL_{role}", raising=False)


def mail_address(port: int) -> str:
    return (
        f"mailto://127.0.0.1:{port}?from=meshline@example.test&to=desk@example.test&mode=insecure"
    )


def open_bed(tmp_path, url: str | None = None) -> tuple[AlertDesk, HandClock]:
    """A desk on an empty ledger, and its clock."""
    settings = Settings(home=tmp_path / "home", landing=tmp_path / "landing", ledger_url=url or "")
    clock = HandClock()
    ledger = open_ledger(settings.ledger_database)
    desk = AlertDesk(settings, ledger, clock.instruments())
    desk.model = replace(desk.model, channels=quick(desk.model.channels))
    return desk, clock


def quick(channels: AlertChannels) -> AlertChannels:
    """The policy with a pace for which tests need not wait."""
    settings = channels.settings.model_copy(update={"rate_per_second": Decimal(200)})
    return channels.model_copy(update={"settings": settings})


def messages(ledger: Ledger) -> list[dict]:
    with ledger.read() as connection:
        chosen = select(alert_messages).order_by(
            alert_messages.c.made_at, alert_messages.c.message_id
        )
        return [dict(row) for row in connection.execute(chosen).mappings()]


def tellings(ledger: Ledger) -> Counter[tuple[str, str]]:
    """How many alerts stand how, by channel and state."""
    with ledger.read() as connection:
        chosen = select(alert_tellings.c.channel_code, alert_tellings.c.state)
        return Counter((row[0], row[1]) for row in connection.execute(chosen))


def raised(ledger: Ledger) -> Counter[str]:
    with ledger.read() as connection:
        return Counter(connection.execute(select(alerts.c.event_code)).scalars())


def only_figures(found: list[dict]) -> list[dict]:
    """The messages without the daily figures of each role."""
    return [one for one in found if "Digest of the day: figures" not in one["subject"]]


def swept(desk: AlertDesk) -> Swept:
    return sweep(desk, threading.Event())
