"""What the ledger does not know and somebody is to hear of: runs that failed, feeds that are late.

What belongs here: alerts from the record of the last run and from what is published, and a role's
figures of the day. What does not: keeping alerts (`orchestration.ledger.alerts`) and when they are
looked for (`orchestration.alerting`, which alone imports this).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from orchestration.core.alerts.records import Alert
from orchestration.core.alerts.routing import next_local
from orchestration.core.policies.model import OperatingModel
from orchestration.core.private import masked
from orchestration.core.tickets import TicketState
from orchestration.ledger.alert_tables import alerts
from orchestration.ledger.alerts import Watch
from orchestration.ledger.events import moment_text
from orchestration.ledger.tables import approvals, tickets
from orchestration.reading.feeds import DayFigures, day_figures, last_received
from orchestration.reading.quality import TARGET_MTTR_HOURS, TARGET_TIER_1
from orchestration.settings import Settings
from orchestration.warehouse.reader import NothingPublished, open_published
from orchestration.warehouse.run_records import RunStatus, last_run

OLDEST = 5
RATE = "rate"
LONGEST_MESSAGE = 200
_FAILED: Mapping[RunStatus, str] = {
    RunStatus.FAILED: "run_failed",
    RunStatus.INTERRUPTED: "run_failed",
    RunStatus.BLOCKED: "publish_blocked",
}
_RUNNING = (TicketState.OPEN.value, TicketState.ASSIGNED.value)


@dataclass(frozen=True, slots=True)
class Outside:
    """What is known besides the ledger at one moment; read before the ledger is held.

    Attributes:
        run: What is published, in words.
        failed: The alert of the last run when it failed; None while one goes on or all is well.
        is_running: Whether a run goes on: then nobody knows yet.
        received: When each feed came last.
        figures: How reconciliation goes; None when nothing is published.
    """

    run: str
    failed: Alert | None
    is_running: bool
    received: Mapping[str, datetime]
    figures: DayFigures | None


def read_outside(settings: Settings, at: datetime) -> Outside:
    """Return what is known besides the ledger."""
    record = last_run(settings, now=at)
    failed = None
    if record is not None and record.status in _FAILED:
        event = _FAILED[record.status]
        lines = masked(record.message or "").strip().splitlines() or ["no message"]
        verb = "was kept from publishing" if event == "publish_blocked" else record.status.value
        failed = Alert(
            key=f"run/{record.run_id}/{record.started_at.isoformat()}/{record.status.value}",
            event=event,
            severity=None,
            owner_role="platform",
            cause=record.status.value,
            subject_type="run",
            subject_id=record.run_id,
            due_since=record.finished_at or record.started_at,
            facts={
                "what": f"{record.run_id} {verb}: {lines[0][:LONGEST_MESSAGE]}",
                "much": "What was published before stays in place.",
                "next": "`meshline status` shows the run; mend the cause and run again.",
                "link": "/runs",
            },
        )
    is_running = record is not None and record.status is RunStatus.RUNNING
    try:
        with open_published(settings) as published:
            words = f"{published.run_id}, as of {published.as_of:%Y-%m-%d %H:%M} UTC"
            return Outside(
                words, failed, is_running, last_received(published), day_figures(published)
            )
    except NothingPublished:
        return Outside("nothing is published yet", failed, is_running, {}, None)


def late_feeds(model: OperatingModel, outside: Outside, at: datetime) -> Iterator[Alert]:
    """Yield the feeds of which nothing came for too long; only those that the policy names."""
    feeds = model.channels.feeds
    for feed, received in outside.received.items():
        stream = feed.rsplit("/", 1)[-1]
        if stream not in feeds.explains and feed not in feeds.streams:
            continue
        hours = feeds.hours_of(feed)
        since = received + timedelta(hours=hours)
        if since > at:
            continue
        yield Alert(
            key=f"feed/{feed}/{moment_text(received)}",
            event="feed_late",
            severity=None,
            owner_role="platform",
            cause=feed,
            subject_type="feed",
            subject_id=feed,
            due_since=since,
            facts={
                "what": f"Nothing of {feed} came since {received:%Y-%m-%d %H:%M} UTC; it is late"
                f" after {hours} hours.",
                "next": "ask its owner, and look whether it lies in the landing folder. What is"
                " missing because of it is not told meanwhile.",
                "link": "/runs/files",
            },
        )


def daily_figures(watch: Watch, outside: Outside) -> Iterator[Alert]:
    """Yield the figures of the day of each role whose morning has come and that lacks them."""
    for role in watch.model.roles.values():
        zone = next(row.time_zone for row in watch.model.hours if row.hours_code == role.hours_code)
        morning = next_local(watch.at - timedelta(days=1), role.digest_at, zone)
        key = f"digest/{role.role_code}/{morning.date()}"
        known = select(alerts.c.alert_key).where(alerts.c.alert_key == key)
        if watch.connection.execute(known).scalar() is not None:
            continue
        yield Alert(
            key=key,
            event="daily_digest",
            severity=None,
            owner_role=role.role_code,
            cause=role.role_code,
            subject_type="role",
            subject_id=role.role_code,
            due_since=morning,
            facts={
                "what": "\n".join(_figures(watch, role.role_code, outside, _before(watch, key))),
                RATE: _rate(outside),
            },
        )


def _rate(outside: Outside) -> str:
    """What agrees of what is due, as people read it."""
    rate = outside.figures.pass_rate if outside.figures is not None else None
    return "nothing is due" if rate is None else f"{rate:.2%} of what is due"


def _before(watch: Watch, key: str) -> str | None:
    """What a role was told the morning before that agrees; None when it was told nothing."""
    role = key.rsplit("/", 1)[0]
    chosen = (
        select(alerts.c.facts)
        .where(alerts.c.event_code == "daily_digest", alerts.c.alert_key.startswith(f"{role}/"))
        .order_by(alerts.c.alert_key.desc())
        .limit(1)
    )
    facts = watch.connection.execute(chosen).scalar()
    return json.loads(facts).get(RATE) if facts is not None else None


def _figures(watch: Watch, role: str, outside: Outside, before: str | None) -> Iterator[str]:
    """The lines of a role's day."""
    told = f"; the time before: {before}" if before else ""
    yield f"Orders that agree: {_rate(outside)} (target {TARGET_TIER_1:.0%} of tier 1{told})."
    figures = outside.figures
    if figures is not None and figures.p50_hours is not None:
        yield (
            f"From order to agreement: half within {figures.p50_hours:,.1f} h, 95 % within"
            f" {figures.p95_hours:,.1f} h."
        )
    if figures is not None and figures.mttr_hours is not None:
        yield (
            f"Exceptions ended after {figures.mttr_hours:,.1f} h in the mean (target under"
            f" {TARGET_MTTR_HOURS} h)."
        )
    since = moment_text(watch.at - timedelta(days=1))
    mine = tickets.c.owner_role == role
    running = tickets.c.state_code.in_(_RUNNING)
    late = tickets.c.due_at < moment_text(watch.at)

    def count(*conditions: object) -> int:
        chosen = select(func.count()).select_from(tickets).where(mine, *conditions)  # type: ignore[arg-type]
        return int(watch.connection.execute(chosen).scalar() or 0)

    yield (
        f"Tickets of {role}: {count(running):,} open, {count(running, late):,} of them late;"
        f" in a day {count(tickets.c.opened_at >= since):,} came and"
        f" {count(tickets.c.closed_at >= since):,} were closed."
    )
    causes = (
        select(tickets.c.exception_code, func.count().label("tickets"))
        .where(mine, running)
        .group_by(tickets.c.exception_code)
        .order_by(func.count().desc(), tickets.c.exception_code)
        .limit(OLDEST)
    )
    named = ", ".join(f"{code} ({number:,})" for code, number in watch.connection.execute(causes))
    if named:
        yield f"Top causes: {named}."
    oldest = (
        select(tickets.c.ticket_id, tickets.c.exception_code, tickets.c.due_at)
        .where(mine, running, tickets.c.due_at.is_not(None))
        .order_by(tickets.c.due_at, tickets.c.ticket_id)
        .limit(OLDEST)
    )
    for ticket_id, code, due in watch.connection.execute(oldest):
        yield f"Oldest: {ticket_id} {code}, due {str(due)[:16].replace('T', ' ')} UTC."
    if role == "control":
        waits = select(func.count()).where(approvals.c.state_code.in_(("in_force",)))
        yield f"Decisions in force to sample: {watch.connection.execute(waits).scalar():,}."
