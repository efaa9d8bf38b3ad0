"""Alerts on record: raising them once, and saying that what they tell of is over.

What belongs here: alerts and the channels that are to hear of each. What does not: which alerts
there are (`sla_clock`, `alert_watch`), messages (`alert_plan`), sending (`alert_claims`). What
stands above the ledger imports this.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from orchestration.core.alerts.records import Alert
from orchestration.core.alerts.routing import channels_of, route_of, send_after, severity_of
from orchestration.core.policies.model import OperatingModel
from orchestration.ledger.alert_tables import alert_marks, alert_tellings, alerts
from orchestration.ledger.events import ROWS_AT_ONCE, Actor, Draft, append, moment_text
from orchestration.ledger.projections import KEYS_AT_ONCE, upsert

# What lasts and ends: while it does, it is known, and its end is told where it was told.
LASTING = frozenset({"breaker_open", "feed_late", "publish_blocked", "run_failed"})


@dataclass(frozen=True, slots=True)
class Watch:
    """One look at everything, inside one transaction.

    Attributes:
        connection: From `Ledger.write`.
        model: The policies.
        actor: The engine.
        at: The caller's clock, aware.
    """

    connection: Connection
    model: OperatingModel
    actor: Actor
    at: datetime


def raise_alerts(watch: Watch, found: Sequence[Alert], *, is_on_record: bool) -> int:
    """Keep alerts that are not known yet, each for the channels of its route; returns how many.

    Args:
        watch: The look.
        found: In any order; known ones are left as they are.
        is_on_record: Whether an event of the chain already says so; else one is made for each.
    """
    known = _known(watch.connection, [alert.key for alert in found])
    fresh = list({alert.key: alert for alert in found if alert.key not in known}.values())
    if not fresh:
        return 0
    _insert(watch.connection, alerts, (_row(alert, watch) for alert in fresh))
    _insert(
        watch.connection,
        alert_tellings,
        (row for alert in fresh for row in _tellings(alert, watch)),
    )
    if not is_on_record:
        append(watch.connection, [_draft(alert, watch) for alert in fresh])
    return len(fresh)


def clear_alerts(watch: Watch, event: str, *, lasting: Collection[str]) -> int:
    """Say that the alerts of an event are over but for those of some subjects; returns how many."""
    rows = watch.connection.execute(
        select(alerts.c.alert_key, alerts.c.subject_type, alerts.c.subject_id).where(
            alerts.c.event_code == event, alerts.c.cleared_at.is_(None)
        )
    ).all()
    over = [row for row in rows if row.subject_id not in lasting]
    if not over:
        return 0
    watch.connection.execute(
        update(alerts)
        .where(alerts.c.alert_key.in_([row.alert_key for row in over]))
        .values(cleared_at=moment_text(watch.at))
    )
    drafts = [
        Draft(
            watch.at, watch.actor, "alert_cleared", row.subject_type, row.subject_id,
            f"{event} is over.", {"alert_key": row.alert_key},
        )
        for row in over
    ]  # fmt: skip
    append(watch.connection, drafts)
    return len(over)


def open_alerts(connection: Connection, event: str) -> tuple[Mapping[str, Any], ...]:
    """Return the alerts of an event that are not over."""
    chosen = select(alerts).where(alerts.c.event_code == event, alerts.c.cleared_at.is_(None))
    return tuple(dict(row) for row in connection.execute(chosen).mappings())


def read_mark(connection: Connection, name: str) -> tuple[int, str | None]:
    """Return how far something has read the events, and when it was last done; 0 for never."""
    row = connection.execute(select(alert_marks).where(alert_marks.c.mark_code == name)).first()
    return (row.seq or 0, row.at) if row is not None else (0, None)


def set_mark(connection: Connection, name: str, seq: int, at: datetime | None = None) -> None:
    """Remember how far something has read the events."""
    row = {"mark_code": name, "seq": seq, "at": moment_text(at) if at is not None else None}
    upsert(connection, alert_marks, [row])


def alert_of(row: Mapping[str, Any]) -> Alert:
    """Return the alert of a row."""
    return Alert(
        key=row["alert_key"],
        event=row["event_code"],
        severity=row["severity_code"],
        owner_role=row["owner_role"],
        cause=row["cause"],
        subject_type=row["subject_type"],
        subject_id=row["subject_id"],
        due_since=datetime.fromisoformat(row["due_since"]),
        told_role=row["told_role"],
        told_ids=tuple(row["told_ids"].split(";")) if row["told_ids"] else (),
        recon_key=row["recon_key"],
        incident_id=row["incident_id"],
        facts=json.loads(row["facts"]),
    )


def _known(connection: Connection, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), KEYS_AT_ONCE):
        chosen = select(alerts.c.alert_key).where(
            alerts.c.alert_key.in_(keys[start : start + KEYS_AT_ONCE])
        )
        found.update(connection.execute(chosen).scalars())
    return found


def _row(alert: Alert, watch: Watch) -> dict[str, Any]:
    return {
        "alert_key": alert.key,
        "event_code": alert.event,
        "severity_code": severity_of(alert, watch.model.channels),
        "owner_role": alert.owner_role,
        "cause": alert.cause,
        "subject_type": alert.subject_type,
        "subject_id": alert.subject_id,
        "recon_key": alert.recon_key,
        "incident_id": alert.incident_id,
        "told_role": alert.told_role,
        "told_ids": ";".join(alert.told_ids),
        "facts": json.dumps(dict(alert.facts), ensure_ascii=False, sort_keys=True),
        "due_since": moment_text(alert.due_since),
        "raised_at": moment_text(watch.at),
        "cleared_at": None,
    }


def _tellings(alert: Alert, watch: Watch) -> Iterable[dict[str, Any]]:
    """The channels that are to hear of an alert."""
    route = route_of(alert, watch.model.channels)
    if route is None:
        return
    after = moment_text(send_after(alert, route.delivery, watch.model, watch.at))
    for channel in channels_of(alert, watch.model.channels):
        yield {
            "alert_key": alert.key,
            "channel_code": channel,
            "mode_code": route.delivery,
            "send_after": after,
            "state": "waiting",
            "because": None,
            "message_id": None,
        }


def _draft(alert: Alert, watch: Watch) -> Draft:
    payload = {
        "alert_key": alert.key,
        "event": alert.event,
        "severity": severity_of(alert, watch.model.channels),
        "owner_role": alert.owner_role,
        "due_since": moment_text(alert.due_since),
    }
    return Draft(
        watch.at, watch.actor, "alert_raised", alert.subject_type, alert.subject_id,
        alert.facts.get("what", alert.event), payload, alert.recon_key,
    )  # fmt: skip


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows; those that are there already stay as they are."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = maker(table).on_conflict_do_nothing()
    listed = list(rows)
    for start in range(0, len(listed), ROWS_AT_ONCE):
        connection.execute(statement, listed[start : start + ROWS_AT_ONCE])
