"""How alerts stand: what waits, what was sent, what does not get through.

What belongs here: reading. What does not: changing anything. What stands above the ledger imports
this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from orchestration.ledger.alert_tables import (
    alert_marks,
    alert_messages,
    alert_tellings,
    alerts,
    ticket_clocks,
)


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """How alerts stand.

    Attributes:
        tellings: Number of alerts by channel and state.
        messages: The newest messages first.
        stuck: Messages that were tried and not taken, the oldest first.
        next_step_at: When the next ticket's step of escalation is due.
        last_sent_at: When a message was sent last; None for never.
        last_watch_at: When somebody looked last; None for never.
    """

    tellings: Mapping[str, Mapping[str, int]]
    messages: Sequence[Mapping[str, Any]]
    stuck: Sequence[Mapping[str, Any]]
    next_step_at: str | None
    last_sent_at: str | None
    last_watch_at: str | None


def read_alerts(connection: Connection, limit: int) -> AlertStatus:
    """Return how alerts stand, with at most so many messages."""
    tellings: dict[str, dict[str, int]] = {}
    counted = select(alert_tellings.c.channel_code, alert_tellings.c.state, func.count()).group_by(
        alert_tellings.c.channel_code, alert_tellings.c.state
    )
    for row in connection.execute(counted).tuples():
        tellings.setdefault(str(row[0]), {})[str(row[1])] = int(row[2])
    newest = select(alert_messages).order_by(
        alert_messages.c.made_at.desc(), alert_messages.c.message_id
    )
    failing = (
        select(alert_messages)
        .where(alert_messages.c.state != "sent", alert_messages.c.attempts > 0)
        .order_by(alert_messages.c.made_at, alert_messages.c.message_id)
    )
    return AlertStatus(
        tellings,
        [dict(row) for row in connection.execute(newest.limit(limit)).mappings()],
        [dict(row) for row in connection.execute(failing.limit(limit)).mappings()],
        connection.execute(select(func.min(ticket_clocks.c.next_at))).scalar(),
        connection.execute(select(func.max(alert_messages.c.sent_at))).scalar(),
        connection.execute(select(func.max(alert_marks.c.at))).scalar(),
    )


def silent_since(connection: Connection, at: datetime, hours: int) -> str | None:
    """Return since when nothing was sent that should have been; None when all is well.

    Nothing should have been sent while there was nothing to tell.
    """
    before = at - timedelta(hours=hours)
    waiting = select(func.min(alert_tellings.c.send_after)).where(
        alert_tellings.c.state == "waiting"
    )
    unsent = select(func.min(alert_messages.c.made_at)).where(alert_messages.c.state != "sent")
    oldest = min(
        filter(None, (connection.execute(one).scalar() for one in (waiting, unsent))),
        default=None,
    )
    if oldest is None or datetime.fromisoformat(oldest) > before:
        return None
    last = connection.execute(select(func.max(alert_messages.c.sent_at))).scalar()
    if last is not None and datetime.fromisoformat(last) > before:
        return None
    return str(last or oldest)


def alert_rows(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Return the newest alerts with what became of each in its channels."""
    chosen = (
        select(
            alerts,
            alert_tellings.c.channel_code,
            alert_tellings.c.mode_code,
            alert_tellings.c.send_after,
            alert_tellings.c.state,
            alert_tellings.c.because,
            alert_tellings.c.message_id,
        )
        .outerjoin(alert_tellings, alert_tellings.c.alert_key == alerts.c.alert_key)
        .order_by(alerts.c.raised_at.desc(), alerts.c.alert_key, alert_tellings.c.channel_code)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(chosen).mappings()]
