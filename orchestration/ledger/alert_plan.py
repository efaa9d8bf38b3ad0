"""From alerts that may be told to messages: what is held back, what is dropped, what goes together.

What belongs here: one transaction that settles which alerts become which message, with its text.
What does not: grouping and words (`core.alerts`), sending (`orchestration.ledger.alert_claims`).
What stands above the ledger imports this.

A message's id is made of its alerts and channel. An alert is `told` in the transaction that makes
its message, so that it is never in two of a channel, whoever dies when.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update

from orchestration.core.alerts.grouping import Group, groups_of
from orchestration.core.alerts.records import Alert, Message, Told
from orchestration.core.alerts.wording import Context, compose, compose_over
from orchestration.core.policies.documents import AlertChannels
from orchestration.core.private import masked
from orchestration.core.tickets import TicketState
from orchestration.ledger.alert_tables import alert_messages, alert_tellings, alerts
from orchestration.ledger.alerts import LASTING, Watch, alert_of, open_alerts
from orchestration.ledger.events import ROWS_AT_ONCE, moment_text
from orchestration.ledger.outbox_tables import incident_members, intents
from orchestration.ledger.tables import tickets

OF_TICKETS = frozenset({"sla_warning", "sla_breach", "sla_escalated"})
_OVER = frozenset({TicketState.RESOLVED.value, TicketState.CLOSED.value})


@dataclass(frozen=True, slots=True)
class Planned:
    """What came of the alerts that might be told.

    Attributes:
        messages: That were made.
        told: Alerts in them.
        held: Alerts that wait because their cause is known to be down.
        dropped: Alerts that are not told: over, or told in another way.
    """

    messages: int = 0
    told: int = 0
    held: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Outages:
    """What is known to be down.

    Attributes:
        keys: Orders whose artifacts wait for a target that does not answer, with its alert.
        classes: Exception classes that a late feed explains, with its alert.
        sentences: All of it in words.
    """

    keys: Mapping[str, str]
    classes: Mapping[str, str]
    sentences: tuple[str, ...]

    def of(self, alert: Alert) -> str | None:
        """Return the alert that tells of an alert's cause already; None when none does."""
        if alert.event not in OF_TICKETS:
            return None
        return self.keys.get(alert.recon_key or "") or self.classes.get(alert.cause)


def plan(watch: Watch, context: Context, usable: Mapping[str, str], now: datetime) -> Planned:
    """Make the messages that may go now; safe to repeat.

    Args:
        watch: The look; its moment decides what may be told.
        context: What messages say besides their alerts; what is down is added here.
        usable: By channel of a route: the channel that is used for it, itself or a fallback.
            Alerts for other channels wait.
        now: By the clock that only passes: from then on they may be sent.
    """
    outages = known_outages(watch)
    context = replace(context, outages=outages.sentences)
    counts: dict[str, int] = defaultdict(int)
    for channel, waiting in _waiting(watch).items():
        if channel not in usable:
            continue
        telling = _sift(watch, channel, waiting, outages, counts)
        made = [
            (group, compose(group, context)) for group in groups_of(telling, watch.model.channels)
        ]
        _keep(watch, channel, usable[channel], made, now)
        counts["messages"] += len(made)
        counts["told"] += len(telling)
    counts["messages"] += _tell_over(watch, context, usable, now)
    return Planned(**counts)


def known_outages(watch: Watch) -> Outages:
    """Return what is known to be down now."""
    keys: dict[str, str] = {}
    classes: dict[str, str] = {}
    sentences = []
    for row in open_alerts(watch.connection, "breaker_open"):
        members = (
            select(intents.c.recon_key)
            .join(incident_members, incident_members.c.intent_id == intents.c.intent_id)
            .where(incident_members.c.incident_id == row["subject_id"])
        )
        keys.update(
            dict.fromkeys(watch.connection.execute(members).scalars(), str(row["alert_key"]))
        )
        sentences.append(f"target {row['cause']} does not answer since {_since(row)}.")
    explains = watch.model.channels.feeds.explains
    for row in open_alerts(watch.connection, "feed_late"):
        stream = str(row["cause"]).rsplit("/", 1)[-1]
        classes.update(dict.fromkeys(explains.get(stream, ()), str(row["alert_key"])))
        sentences.append(f"feed {row['cause']} is late since {_since(row)}.")
    return Outages(keys, classes, tuple(sentences))


def put_message(
    watch: Watch,
    channel: str,
    used: str,
    message: Message,
    *,
    kind: str,
    group: Group | None,
    named: Sequence[str],
    now: datetime,
) -> str:
    """Keep a message that is to be sent; returns its id, the same for the same things."""
    text = "\x1f".join((channel, kind, *sorted(named)))
    message_id = f"al_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    row = {
        "message_id": message_id,
        "first_channel": channel,
        "channel_code": used,
        "kind_code": kind,
        "event_code": group.event if group is not None else kind,
        "severity_code": message.severity,
        # The end of something names the message that told of it.
        "group_key": group.key if group is not None else named[0],
        "incident_id": group.items[0].alert.incident_id if group is not None else None,
        "dedup_key": message.dedup_key,
        "subject": masked(message.subject),
        "body": f"{masked(message.body)}\nMessage: {message_id}",
        "alert_count": len(named),
        "made_at": moment_text(watch.at),
        "state": "ready",
        "attempts": 0,
        "channel_attempts": 0,
        "next_at": moment_text(now),
        "fence": 0,
    }
    watch.connection.execute(insert(alert_messages).values(row))
    return message_id


def _waiting(watch: Watch) -> dict[str, list[Told]]:
    """What may be told now, by channel."""
    chosen = (
        select(alerts, alert_tellings.c.channel_code, alert_tellings.c.mode_code)
        .join(alert_tellings, alert_tellings.c.alert_key == alerts.c.alert_key)
        .where(
            alert_tellings.c.state.in_(("waiting", "held")),
            alert_tellings.c.send_after <= moment_text(watch.at),
        )
        .order_by(alerts.c.alert_key)
    )
    rows = [dict(row) for row in watch.connection.execute(chosen).mappings()]
    about = {row["subject_id"] for row in rows if row["subject_type"] == "ticket"}
    known = _tickets(watch, sorted(about))
    found: dict[str, list[Told]] = defaultdict(list)
    for row in rows:
        ticket = known.get(row["subject_id"]) if row["subject_type"] == "ticket" else None
        found[row["channel_code"]].append(Told(alert_of(row), row["mode_code"], ticket))
    return dict(sorted(found.items()))


def _tickets(watch: Watch, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Tickets as they are now, by id."""
    found = {}
    for start in range(0, len(ids), 500):
        chosen = select(tickets).where(tickets.c.ticket_id.in_(ids[start : start + 500]))
        for row in watch.connection.execute(chosen).mappings():
            found[row["ticket_id"]] = dict(row)
    return found


def _sift(
    watch: Watch,
    channel: str,
    waiting: Sequence[Told],
    outages: Outages,
    counts: dict[str, int],
) -> list[Told]:
    """What of it is told; the rest is held or dropped, with the reason."""
    telling: list[Told] = []
    changes: list[tuple[str, str, str | None, str | None]] = []
    for one in waiting:
        reason = _over(watch, one)
        outage = outages.of(one.alert) if reason is None else None
        if reason is not None:
            changes.append(("dropped", one.alert.key, reason, None))
        elif outage is not None:
            changes.append(("held", one.alert.key, f"its cause is told by {outage}", None))
        else:
            telling.append(one)
            continue
        counts[changes[-1][0]] += 1
    told, again = _first_of_incidents(watch, channel, telling)
    changes += [("told", one.alert.key, "with its incident", into) for one, into in again]
    counts["dropped"] += len(again)
    _change(watch, channel, changes)
    return told


def _over(watch: Watch, one: Told) -> str | None:
    """Why an alert need not be told any more; None when it has to be."""
    alert = one.alert
    if alert.subject_type == "ticket" and (
        one.ticket is None or (alert.event in OF_TICKETS and one.ticket["state_code"] in _OVER)
    ):
        return "the ticket was dealt with before it was told"
    due = one.ticket["due_at"] if one.ticket is not None else None
    if alert.event == "sla_warning" and due is not None and due <= moment_text(watch.at):
        return "it is late by now, which is told instead"
    if alert.event in LASTING and _is_cleared(watch, alert.key):
        return "it was over before it was told"
    return None


def _is_cleared(watch: Watch, key: str) -> bool:
    chosen = select(alerts.c.cleared_at).where(alerts.c.alert_key == key)
    return watch.connection.execute(chosen).scalar() is not None


def _first_of_incidents(
    watch: Watch, channel: str, telling: Sequence[Told]
) -> tuple[list[Told], list[tuple[Told, str]]]:
    """Split alerts into those to tell, and those whose incident was told already, with where."""
    incidents = {one.alert.incident_id for one in telling if one.alert.incident_id is not None}
    if not incidents:
        return list(telling), []
    chosen = select(
        alert_messages.c.incident_id, alert_messages.c.event_code, alert_messages.c.message_id
    ).where(
        alert_messages.c.incident_id.in_(sorted(incidents)),
        alert_messages.c.first_channel == channel,
    )
    known = {
        (row.incident_id, row.event_code): row.message_id
        for row in watch.connection.execute(chosen)
    }
    first: list[Told] = []
    again: list[tuple[Told, str]] = []
    for one in telling:
        into = known.get((one.alert.incident_id, one.alert.event))
        if into is None or one.mode != "at_once":
            first.append(one)
        else:
            again.append((one, into))
    return first, again


def _keep(
    watch: Watch,
    channel: str,
    used: str,
    made: Sequence[tuple[Group, Message]],
    now: datetime,
) -> None:
    """Keep messages, and that their alerts are in them."""
    changes: list[tuple[str, str, str | None, str | None]] = []
    for group, message in made:
        named = [one.alert.key for one in group.items]
        message_id = put_message(
            watch, channel, used, message, kind="alert", group=group, named=named, now=now
        )
        changes += [("told", key, None, message_id) for key in named]
    _change(watch, channel, changes)


def _change(
    watch: Watch, channel: str, changes: Sequence[tuple[str, str, str | None, str | None]]
) -> None:
    """Set the state of alerts for a channel."""
    if not changes:
        return
    statement = (
        update(alert_tellings)
        .where(
            alert_tellings.c.alert_key == bindparam("key"),
            alert_tellings.c.channel_code == channel,
        )
        .values(state=bindparam("to_state"), because=bindparam("why"), message_id=bindparam("into"))
    )
    rows = [
        {"to_state": state, "key": key, "why": why, "into": into}
        for state, key, why, into in changes
    ]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        watch.connection.execute(statement, rows[start : start + ROWS_AT_ONCE])


def _tell_over(watch: Watch, context: Context, usable: Mapping[str, str], now: datetime) -> int:
    """Tell that something is over where it was told; returns how many messages that makes."""
    count = 0
    for row in list(watch.connection.execute(_over_and_told()).mappings()):
        channel = row["first_channel"]
        if channel not in usable:
            continue
        message = compose_over(row["subject"], row["severity_code"], row["dedup_key"], context)
        named = [row["message_id"]]
        put_message(
            watch, channel, usable[channel], message, kind="over", group=None, named=named, now=now
        )
        count += 1
    return count


def _over_and_told() -> Select[Any]:
    """Messages about what lasted and is over, and whose end was not told."""
    ended, inside = alert_messages.alias("ended"), alert_tellings.alias("inside")
    lasts = (
        select(inside.c.message_id)
        .join(alerts, alerts.c.alert_key == inside.c.alert_key)
        .where(alerts.c.cleared_at.is_(None), inside.c.message_id == alert_messages.c.message_id)
    )
    return (
        select(alert_messages)
        .outerjoin(
            ended,
            (ended.c.group_key == alert_messages.c.message_id) & (ended.c.kind_code == "over"),
        )
        .where(
            alert_messages.c.event_code.in_(sorted(LASTING)),
            alert_messages.c.kind_code == "alert",
            ended.c.message_id.is_(None),
            ~lasts.exists(),
        )
        .order_by(alert_messages.c.message_id)
    )


def _since(row: Mapping[str, Any]) -> str:
    return f"{datetime.fromisoformat(str(row['due_since'])):%Y-%m-%d %H:%M} UTC"


def fallback_of(channels: AlertChannels, channel: str, has_address: set[str]) -> str | None:
    """Return the channel used for another: itself, or the first fallback with an address."""
    current: str | None = channel
    while current is not None:
        if current in has_address:
            return current
        current = channels.channels[current].fallback
    return None
