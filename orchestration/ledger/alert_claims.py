"""Taking messages to send, and putting down what became of them.

What belongs here: claims, leases, fences, pace, retries, the fallback channel; each call is one
transaction. What does not: sending, which happens between a claim and its settling. What stands
above the ledger imports this.

    ready -> inflight -> sent | ready (later, or by the fallback)

`inflight` is committed before the message leaves. Whoever dies on the way leaves a lease that ends,
and the message goes again under the same id, which receivers that know it take once: nothing is
lost, and a message can come twice only where its sender died, or lost the answer, in between.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from orchestration.core.alerts.records import rank
from orchestration.core.delivery.waits import backoff
from orchestration.core.policies.documents import AlertChannels
from orchestration.ledger.alert_tables import alert_messages, alert_paces
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.projections import upsert

LOOKED_AT = 200
ERROR_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends.

    Attributes:
        owner: Names the process.
        actor: As which its events are recorded.
        chance: From 0 to below 1, for the jitter.
    """

    owner: str
    actor: Actor
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that this process has taken.

    Attributes:
        fence: Grows with each claim; an answer under an older one is not believed.
        attempts: How often it was taken before.
    """

    message_id: str
    channel_code: str
    kind: str
    severity: str
    dedup_key: str
    subject: str
    body: str
    fence: int
    attempts: int


def claim(
    connection: Connection, channels: AlertChannels, sender: Sender, usable: set[str], now: datetime
) -> tuple[Outgoing, ...]:
    """Take at most one message of each channel: the gravest, then the oldest that may go.

    Args:
        connection: From `Ledger.write`.
        channels: Pace and lease.
        sender: Who takes them.
        usable: Channels with an address.
        now: By the clock that only passes.
    """
    text = moment_text(now)
    connection.execute(
        update(alert_messages)
        .where(alert_messages.c.state == "inflight", alert_messages.c.lease_until <= text)
        .values(state="ready", last_error="its sender died on the way; it goes again")
    )
    paces = {row.channel_code: row.free_at for row in connection.execute(select(alert_paces))}
    free = sorted(code for code in usable if paces.get(code, "") <= text)
    taken = []
    for code in free:
        row = _next(connection, code, text)
        if row is None:
            continue
        lease = now + timedelta(seconds=channels.settings.lease_seconds)
        connection.execute(
            update(alert_messages)
            .where(alert_messages.c.message_id == row.message_id)
            .values(
                state="inflight",
                owner=sender.owner,
                lease_until=moment_text(lease),
                fence=row.fence + 1,
                attempts=row.attempts + 1,
                channel_attempts=row.channel_attempts + 1,
            )
        )
        wait = timedelta(seconds=float(1 / channels.settings.rate_per_second))
        upsert(
            connection,
            alert_paces,
            [{"channel_code": code, "free_at": moment_text(now + wait)}],
        )
        taken.append(
            Outgoing(
                row.message_id,
                code,
                row.kind_code,
                row.severity_code,
                row.dedup_key,
                row.subject,
                row.body,
                row.fence + 1,
                row.attempts,
            )
        )
    return tuple(taken)


def _next(connection: Connection, code: str, text: str) -> Row[Any] | None:
    chosen = (
        select(alert_messages)
        .where(
            alert_messages.c.state == "ready",
            alert_messages.c.channel_code == code,
            alert_messages.c.next_at <= text,
        )
        .order_by(alert_messages.c.made_at, alert_messages.c.message_id)
        .limit(LOOKED_AT)
    )
    rows = connection.execute(chosen).all()
    return min(rows, key=lambda row: rank(row.severity_code), default=None)


def settle(
    connection: Connection,
    channels: AlertChannels,
    sender: Sender,
    message: Outgoing,
    error: str | None,
    *,
    at: datetime,
    now: datetime,
    usable: set[str],
) -> bool:
    """Put down what became of a message; False when somebody else has it by now.

    Args:
        connection: From `Ledger.write`.
        channels: Attempts, waits, fallbacks.
        sender: Who took it.
        message: As it was taken.
        error: What went wrong, without any address; None when the channel took it.
        at: By the wall.
        now: By the clock that only passes.
        usable: Channels with an address, for the fallback.
    """
    row = connection.execute(
        select(alert_messages).where(
            alert_messages.c.message_id == message.message_id,
            alert_messages.c.state == "inflight",
            alert_messages.c.fence == message.fence,
        )
    ).first()
    if row is None:
        return False
    chosen = update(alert_messages).where(alert_messages.c.message_id == message.message_id)
    if error is None:
        connection.execute(
            chosen.values(state="sent", sent_at=moment_text(at), last_error=None, owner=None)
        )
        append(connection, [_sent(message, row.alert_count, sender, at)])
        return True
    settings = channels.settings
    values: dict[str, object] = {"state": "ready", "last_error": error[:ERROR_LENGTH]}
    tries = row.channel_attempts
    fallback = channels.channels[message.channel_code].fallback
    if tries >= settings.send_attempts and fallback is not None and fallback in usable:
        values |= {"channel_code": fallback, "channel_attempts": 0, "next_at": moment_text(now)}
        append(connection, [_passed_on(message, fallback, error, sender, at)])
    else:
        wait = backoff(
            tries,
            base_seconds=settings.retry_base_seconds,
            cap_seconds=settings.retry_cap_seconds,
            jitter="full",
            chance=sender.chance,
        )
        values["next_at"] = moment_text(now + wait)
    connection.execute(chosen.values(values))
    return True


def next_send_at(connection: Connection, usable: set[str]) -> datetime | None:
    """Return when the next message may go, by the clock that only passes; None for none."""
    chosen = (
        select(func.min(alert_messages.c.next_at), alert_messages.c.channel_code)
        .where(
            alert_messages.c.state == "ready",
            alert_messages.c.channel_code.in_(sorted(usable)),
        )
        .group_by(alert_messages.c.channel_code)
    )
    paces = {row.channel_code: row.free_at for row in connection.execute(select(alert_paces))}
    moments = [max(str(first), paces.get(code, "")) for first, code in connection.execute(chosen)]
    return min(map(datetime.fromisoformat, moments), default=None)


def ready_messages(connection: Connection, usable: set[str], now: datetime) -> list[str]:
    """Return the messages that may go now, or whose sender died, with their attempts."""
    text = moment_text(now)
    chosen = (
        select(alert_messages.c.message_id, alert_messages.c.attempts)
        .where(
            alert_messages.c.channel_code.in_(sorted(usable)),
            or_(
                and_(alert_messages.c.state == "ready", alert_messages.c.next_at <= text),
                and_(alert_messages.c.state == "inflight", alert_messages.c.lease_until <= text),
            ),
        )
        .order_by(alert_messages.c.message_id)
    )
    return [f"{row.message_id}/{row.attempts}" for row in connection.execute(chosen)]


def _sent(message: Outgoing, count: int, sender: Sender, at: datetime) -> Draft:
    payload = {
        "channel": message.channel_code,
        "kind": message.kind,
        "severity": message.severity,
        "alerts": count,
        "attempts": message.attempts + 1,
        "dedup_key": message.dedup_key,
    }
    return Draft(
        at, sender.actor, "alert_sent", "alert_message", message.message_id, message.subject,
        payload,
    )  # fmt: skip


def _passed_on(message: Outgoing, fallback: str, error: str, sender: Sender, at: datetime) -> Draft:
    payload = {"from": message.channel_code, "to": fallback}
    return Draft(
        at, sender.actor, "alert_passed_on", "alert_message", message.message_id,
        f"{message.channel_code} did not take it: {error}", payload,
    )  # fmt: skip
