"""Alerts from end to end: look at everything, make messages, send them.

What belongs here: the order of the parts and what a look is allowed to cost. What does not: any
part (`orchestration.ledger.sla_clock`, `alert_watch`, `alert_plan`, `alert_claims`,
`orchestration.ledger_check`, `orchestration.connectors.alerts`). The command line and
`orchestration.defs` import this.

A look is one transaction; sending holds nothing. Any number of processes may do both at once, and
be killed at any moment.
"""

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex

from orchestration.alert_facts import Outside, daily_figures, late_feeds, read_outside
from orchestration.connectors.alerts.channels import send, usable_channels
from orchestration.connectors.alerts.errors import ChannelFailed
from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.alerts.records import Alert, Message
from orchestration.core.alerts.wording import Context
from orchestration.core.errors import UsageRefused
from orchestration.core.policies.model import OperatingModel
from orchestration.ledger.alert_claims import (
    Outgoing,
    Sender,
    claim,
    next_send_at,
    ready_messages,
    settle,
)
from orchestration.ledger.alert_plan import Planned, fallback_of, plan, put_message
from orchestration.ledger.alert_status import AlertStatus, alert_rows, read_alerts, silent_since
from orchestration.ledger.alert_watch import watch_ledger
from orchestration.ledger.alerts import (
    LASTING,
    Watch,
    clear_alerts,
    raise_alerts,
    read_mark,
    set_mark,
)
from orchestration.ledger.errors import LedgerDamaged
from orchestration.ledger.events import Actor
from orchestration.ledger.heads import sign_head
from orchestration.ledger.keys import last_head
from orchestration.ledger.outbox_clock import DeliveryClock, Instruments, open_clock
from orchestration.ledger.sla_clock import Ticked, tick
from orchestration.ledger.store import Ledger, open_ledger
from orchestration.ledger_check import chain_alert, check_ledger, verdict_alert
from orchestration.settings import Settings

SECONDS_BETWEEN_LOOKS = 15
# A message that cannot go for its channel's pace is waited for; one that waits longer is not.
LONGEST_WAIT_SECONDS = 2.0
CHECK_MARK = "ledger_check"
Progress = Callable[[Outgoing, str | None], None]


@dataclass(slots=True)
class Looked:
    """What a look did.

    Attributes:
        ticked: Clocks and steps of tickets.
        raised: Other alerts that are new.
        planned: Messages that were made.
        no_address: Channels of the policy without an address, for which no fallback has one.
    """

    ticked: Ticked = field(default_factory=Ticked)
    raised: int = 0
    planned: Planned = field(default_factory=Planned)
    no_address: tuple[str, ...] = ()


@dataclass(slots=True)
class Swept:
    """What one look and the sending after it did.

    Attributes:
        sent: Messages that channels took.
        failed: Attempts that failed, as channel and reason; they are made again.
        problems: Sentences on what somebody must mend.
    """

    looked: Looked = field(default_factory=Looked)
    sent: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class AlertDesk:
    """The ledger of a home, its policies and its clock, for as long as alerts are looked after."""

    def __init__(
        self, settings: Settings, ledger: Ledger, instruments: Instruments | None = None
    ) -> None:
        name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"
        self.settings, self.ledger = settings, ledger
        self.model: OperatingModel = load_operating_model(settings.seeds)
        self.sender = Sender(name, Actor.engine(f"alerts:{name}"))
        with ledger.write() as connection:
            self.clock: DeliveryClock = open_clock(connection, instruments)

    def usable(self) -> dict[str, str]:
        """Return by channel the one used for it; those that reach nobody are left out."""
        there = usable_channels(self.model.channels)
        used = {
            code: fallback_of(self.model.channels, code, there)
            for code in self.model.channels.channels
        }
        return {code: one for code, one in used.items() if one is not None}

    def look(self) -> Looked:
        """Raise what is new and make the messages that may go: one transaction, safe to repeat."""
        at, usable = self.clock.wall(), self.usable()
        outside = read_outside(self.settings, at)
        looked = Looked(no_address=tuple(sorted(set(self.model.channels.channels) - set(usable))))
        context = Context(
            now=at,
            console=self.settings.console_url,
            run=outside.run,
            policy_version=self.model.version,
            playbooks=self.model.playbooks,
        )
        with self.ledger.write() as connection:
            watch = Watch(connection, self.model, self.sender.actor, at)
            looked.ticked = tick(watch)
            looked.raised = watch_ledger(watch) + _watch_outside(watch, outside)
            looked.planned = plan(watch, context, usable, self.clock.keep(connection))
        return looked

    def ready(self) -> list[str]:
        """Return the messages that may go now, each with the number of its attempts."""
        with self.ledger.read() as connection:
            usable = set(self.usable().values())
            return ready_messages(connection, usable, self.clock.now())

    def send_waiting(
        self, swept: Swept, stop: threading.Event, progress: Progress | None = None
    ) -> None:
        """Send what may go now; what fails goes again later."""
        there = usable_channels(self.model.channels)
        while not stop.is_set():
            with self.ledger.write() as connection:
                now = self.clock.keep(connection)
                taken = claim(connection, self.model.channels, self.sender, there, now)
                after = next_send_at(connection, there)
            for message in taken:
                error = self._hand_over(message)
                with self.ledger.write() as connection:
                    settle(
                        connection,
                        self.model.channels,
                        self.sender,
                        message,
                        error,
                        at=self.clock.wall(),
                        now=self.clock.now(),
                        usable=there,
                    )
                swept.sent += error is None
                swept.failed += [(message.channel_code, error)] if error is not None else []
                if progress is not None:
                    progress(message, error)
            if taken:
                continue
            wait = (after - now).total_seconds() if after is not None else LONGEST_WAIT_SECONDS
            if wait >= LONGEST_WAIT_SECONDS:
                return
            stop.wait(max(wait, 0.01))

    def _hand_over(self, message: Outgoing) -> str | None:
        """Send one message; returns what went wrong, None when its channel took it."""
        channel = self.model.channels.channels.get(message.channel_code)
        if channel is None:
            return "the policy has no such channel any more"
        try:
            send(channel, message)
        except ChannelFailed as error:
            return str(error)
        return None

    def sign(self, swept: Swept) -> None:
        """Sign the ledger when something was sent; a ledger that was changed is an alert itself."""
        try:
            sign_head(
                self.ledger,
                self.settings.heads,
                self.settings.signing_key,
                at=self.clock.wall(),
                signed_by=self.sender.actor.principal_id,
            )
        except LedgerDamaged as error:
            swept.problems.append(str(error))
            self.tell([chain_alert("The ledger is not what was signed.", self.clock.wall())])

    def is_check_due(self) -> bool:
        """Return whether the ledger was not held to its heads for the policy's hours."""
        with self.ledger.read() as connection:
            _, checked = read_mark(connection, CHECK_MARK)
        if checked is None:
            return True
        hours = self.model.channels.settings.ledger_check_hours
        return self.clock.wall() >= datetime.fromisoformat(checked) + timedelta(hours=hours)

    def check(self, swept: Swept) -> None:
        """Hold the ledger to everything that is known of it, when that is due; tell what is wrong.

        A ledger of which nothing was signed yet has nothing to be held to.
        """
        if last_head(self.settings.heads) is None or not self.is_check_due():
            return
        verdict, at = check_ledger(self.settings), self.clock.wall()
        found = verdict_alert(verdict, at)
        with self.ledger.write() as connection:
            set_mark(connection, CHECK_MARK, verdict.size, at)
        if found is not None:
            swept.problems.append(found.facts["what"])
            self.tell([found])

    def tell(self, found: list[Alert]) -> int:
        """Raise alerts that somebody else has found; returns how many are new."""
        with self.ledger.write() as connection:
            watch = Watch(connection, self.model, self.sender.actor, self.clock.wall())
            return raise_alerts(watch, found, is_on_record=False)

    def test(self, channel: str) -> str:
        """Put a message for one channel that says that it works; returns its id.

        Raises:
            UsageRefused: There is no such channel, or it has no address.
        """
        known = self.model.channels.channels
        if channel not in known:
            raise UsageRefused(f"There is no channel {channel}; there are {', '.join(known)}.")
        if channel not in usable_channels(self.model.channels):
            raise UsageRefused(
                f"{channel} has no address: put one into {known[channel].address_env}, or the name"
                f" of a file that holds it into {known[channel].address_env}_FILE."
            )
        at = self.clock.wall()
        message = Message(
            "[test] Meshline reaches this channel",
            f"Somebody asked for this on {at:%Y-%m-%d %H:%M} UTC. Nothing is wrong.",
            "info",
            f"test/{token_hex(6)}",
        )
        with self.ledger.write() as connection:
            watch = Watch(connection, self.model, self.sender.actor, at)
            return put_message(
                watch, channel, channel, message, kind="test", group=None,
                named=[message.dedup_key], now=self.clock.now(),
            )  # fmt: skip


def sweep(desk: AlertDesk, stop: threading.Event, progress: Progress | None = None) -> Swept:
    """Look once, and send what may go."""
    swept = Swept()
    desk.check(swept)
    swept.looked = desk.look()
    desk.send_waiting(swept, stop, progress)
    ticked = swept.looked.ticked
    if swept.sent or swept.looked.raised or ticked.steps:
        desk.sign(swept)
    if swept.looked.no_address:
        swept.problems.append(
            f"No address, and no fallback with one: {', '.join(swept.looked.no_address)}. Their "
            "alerts wait. seeds/policies/alert_channels.yml names the variables."
        )
    return swept


def open_desk(settings: Settings) -> AlertDesk:
    """Open the ledger of a home for alerts; close its `ledger` afterwards."""
    return AlertDesk(settings, open_ledger(settings.ledger_database))


def read_status(settings: Settings, limit: int) -> AlertStatus:
    """Return how alerts stand."""
    with open_ledger(settings.ledger_database) as ledger, ledger.read() as connection:
        return read_alerts(connection, limit)


def read_rows(settings: Settings, limit: int) -> list[dict[str, object]]:
    """Return the newest alerts with what became of each."""
    with open_ledger(settings.ledger_database) as ledger, ledger.read() as connection:
        return alert_rows(connection, limit)


def _watch_outside(watch: Watch, outside: Outside) -> int:
    """Raise what the ledger does not know; say what of it is over."""
    found = list(late_feeds(watch.model, outside, watch.at))
    feeds = {alert.subject_id for alert in found}
    clear_alerts(watch, "feed_late", lasting=feeds)
    if outside.failed is not None:
        found.append(outside.failed)
    if not outside.is_running:
        failed = outside.failed
        for event in sorted(LASTING & {"run_failed", "publish_blocked"}):
            lasts = {failed.subject_id} if failed is not None and failed.event == event else set()
            clear_alerts(watch, event, lasting=lasts)
    found += daily_figures(watch, outside)
    settings = watch.model.channels.settings
    silent = silent_since(watch.connection, watch.at, settings.dead_man_hours)
    if silent is not None:
        found.append(_silent_alert(silent, watch.at))
    return raise_alerts(watch, found, is_on_record=False)


def _silent_alert(since: str, at: datetime) -> Alert:
    return Alert(
        key=f"silent/{at.date()}",
        event="alerts_silent",
        severity=None,
        owner_role="control",
        cause="alerts",
        subject_type="alerts",
        subject_id="outbox",
        due_since=datetime.fromisoformat(since),
        facts={
            "what": f"Alerts wait and none was sent since {since[:16].replace('T', ' ')} UTC.",
            "next": "`meshline alerts` says which channel does not take them.",
            "link": "/runs",
        },
    )
