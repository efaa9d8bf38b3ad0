"""What the ledger itself has to tell: requests that wait, glass that was broken, targets away.

What belongs here: alerts that follow from events and tables of the ledger. What does not: clocks of
tickets (`orchestration.ledger.sla_clock`), and what the ledger does not know: runs, feeds
(`orchestration.alerting`). What stands above the ledger imports this.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select

from orchestration.core.alerts.records import Alert
from orchestration.core.work.approval_states import ApprovalState
from orchestration.ledger.alerts import Watch, clear_alerts, raise_alerts, read_mark, set_mark
from orchestration.ledger.approval_desk import described
from orchestration.ledger.outbox_tables import incidents
from orchestration.ledger.tables import approvals, events, tickets

MARK = "alert_events"
_TOLD = ("glass_broken", "override_alarm_raised", "external_system_failure")
_WAITS = (ApprovalState.REQUESTED.value, ApprovalState.UNREVIEWED.value)
_OPENED = ("ticket_opened", "ticket_reopened")


def watch_ledger(watch: Watch) -> int:
    """Raise what happened since the last look, and what waits for too long; returns how many."""
    seq, _ = read_mark(watch.connection, MARK)
    last = watch.connection.execute(select(func.max(events.c.seq))).scalar() or 0
    raised = 0
    if last > seq:
        raised += raise_alerts(watch, [*_happened(watch, seq)], is_on_record=True)
        raised += raise_alerts(watch, [*_ticket_events(watch, seq)], is_on_record=True)
        set_mark(watch.connection, MARK, last, watch.at)
    raised += raise_alerts(watch, [*_approvals(watch)], is_on_record=False)
    away = select(incidents.c.incident_id).where(incidents.c.closed_at.is_(None))
    clear_alerts(watch, "breaker_open", lasting=set(watch.connection.execute(away).scalars()))
    return raised


def _happened(watch: Watch, seq: int) -> Iterator[Alert]:
    """Alerts of single events."""
    chosen = (
        select(events).where(events.c.seq > seq, events.c.action.in_(_TOLD)).order_by(events.c.seq)
    )
    for row in watch.connection.execute(chosen).mappings():
        payload, at = json.loads(row["payload"]), datetime.fromisoformat(row["at"])
        if row["action"] == "external_system_failure":
            target, count = payload["target_code"], payload["member_count"]
            yield Alert(
                key=f"breaker/{row['subject_id']}",
                event="breaker_open",
                severity=None,
                owner_role=watch.model.targets.targets[target].owner_role
                if target in watch.model.targets.targets
                else "platform",
                cause=target,
                subject_type="incident",
                subject_id=row["subject_id"],
                due_since=at,
                facts={
                    "what": f"The target {target} does not answer ({payload['cause_code']}).",
                    "much": f"{count:,} artifacts wait; none is lost.",
                    "next": "`meshline deliver status` says what it answered last; delivery goes"
                    " on by itself when it is back.",
                    "link": "/incidents",
                },
            )
        elif row["action"] == "glass_broken":
            yield Alert(
                key=f"glass/{row['subject_id']}",
                event="break_glass_used",
                severity=None,
                owner_role=row["actor_role"]
                if row["actor_role"] in watch.model.roles
                else "control",
                cause=str(payload.get("action_code", "decision")),
                subject_type="approval",
                subject_id=row["subject_id"],
                due_since=at,
                recon_key=row["recon_key"],
                facts={
                    "what": f"{row['actor_id']} broke the glass: {row['subject_id']} holds.",
                    "next": "somebody else has to sign it afterwards, or it ends.",
                    "link": "/approvals",
                },
            )
        else:
            amount = Decimal(payload["amount"])
            yield Alert(
                key=f"alarm/{row['subject_id']}",
                event="override_alarm",
                severity=None,
                owner_role="control",
                cause=payload["action_code"],
                subject_type="override_alarm",
                subject_id=row["subject_id"],
                due_since=at,
                facts={
                    "what": f"{payload['person_id']}: {payload['count']} x"
                    f" {payload['action_code']} on {payload['day']}, {amount:,.2f} in all.",
                    "next": "look at all of them: `meshline approvals list`.",
                    "link": "/approvals",
                },
            )


def _ticket_events(watch: Watch, seq: int) -> Iterator[Alert]:
    """Tickets of the classes that are events of their own, opened since the last look."""
    told = watch.model.channels.ticket_events
    if not told:
        return
    chosen = (
        select(tickets, events.c.seq.label("opened_seq"), events.c.at.label("told_at"))
        .join(events, events.c.subject_id == tickets.c.ticket_id)
        .where(
            events.c.seq > seq,
            events.c.subject_type == "ticket",
            events.c.action.in_(_OPENED),
            tickets.c.exception_code.in_(sorted(told)),
        )
        .order_by(events.c.seq)
    )
    for row in watch.connection.execute(chosen).mappings():
        code = row["exception_code"]
        yield Alert(
            key=f"ticket/{row['ticket_id']}/{told[code]}/{row['reopen_count']}",
            event=told[code],
            severity=None,
            owner_role=row["owner_role"],
            cause=code,
            subject_type="ticket",
            subject_id=row["ticket_id"],
            due_since=datetime.fromisoformat(row["told_at"]),
            recon_key=row["recon_key"],
            incident_id=row["incident_id"],
        )


def _approvals(watch: Watch) -> Iterator[Alert]:
    """Requests that have waited for too large a share of their time, once for each role wanting."""
    percent = watch.model.channels.settings.approval_waiting_percent
    chosen = select(approvals).where(approvals.c.state_code.in_(_WAITS))
    for row in watch.connection.execute(chosen).mappings():
        asked = datetime.fromisoformat(row["requested_at"])
        until = datetime.fromisoformat(row["sign_by"])
        since = asked + (until - asked) * percent / 100
        if since > watch.at:
            continue
        for role in described(dict(row))["wanting"]:
            yield Alert(
                key=f"approval/{row['approval_id']}/waiting/{role}",
                event="approval_waiting",
                severity=_severity_of(watch, Decimal(row["risk_amount"])),
                owner_role=role,
                cause=row["action_code"],
                subject_type="approval",
                subject_id=row["approval_id"],
                due_since=since,
                told_role=role,
                recon_key=row["recon_key"],
                facts={
                    "what": f"{row['approval_id']} ({row['action_code']}, {row['amount']}"
                    f" {row['currency_code']}) waits for a signature of {role}.",
                    "next": f"`meshline approvals show {row['approval_id']}`, then sign or reject"
                    f" it before {_plain(until)}.",
                    "link": "/approvals",
                },
            )


def _severity_of(watch: Watch, risk_amount: Decimal) -> str:
    """How grave it is that so much waits, by the bands of severities."""
    return next(
        (
            code
            for least, code in sorted(watch.model.severity_bands, reverse=True)
            if risk_amount >= least
        ),
        "low",
    )


def _plain(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
