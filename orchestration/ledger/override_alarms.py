"""Alarms about what one person decides by hand on one day.

What belongs here: reading the day's requests, putting each alarm on record once. What does not: how
much is too much (`core.work.alarms`), telling anybody. Only the ledger package imports this.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from orchestration.core.policies.rows import BREAK_GLASS
from orchestration.core.work.alarms import alarms_of
from orchestration.core.work.sampling import HandDecision
from orchestration.ledger.approval_base import Step
from orchestration.ledger.events import Draft, append, moment_text
from orchestration.ledger.tables import approvals, events


def raise_alarms(step: Step, person_id: str, action_code: str, *, is_glass: bool) -> None:
    """Look at what a person asked for on the day of a step, and record alarms not yet recorded."""
    day = step.at.astimezone(UTC).date()
    rows = step.connection.execute(
        select(
            approvals.c.approval_id,
            approvals.c.own_risk_amount,
            approvals.c.action_code,
            approvals.c.is_break_glass,
        ).where(
            approvals.c.requester_id == person_id,
            approvals.c.requested_at.like(f"{day.isoformat()}T%"),
        )
    ).all()
    decisions = []
    for row in rows:
        amount = Decimal(row.own_risk_amount)
        if row.action_code == action_code:
            decisions.append(HandDecision(row.approval_id, action_code, person_id, amount, day))
        if is_glass and row.is_break_glass:
            decisions.append(
                HandDecision(f"{row.approval_id}/glass", BREAK_GLASS, person_id, amount, day)
            )
    for alarm in alarms_of(decisions, step.model.alarms):
        if _is_known(step, alarm.alarm_key):
            continue
        payload = {
            "exception_code": alarm.exception_code,
            "action_code": alarm.action_code,
            "person_id": alarm.person_id,
            "day": alarm.day.isoformat(),
            "count": alarm.count,
            "amount": f"{alarm.amount:f}",
        }
        append(
            step.connection,
            [
                Draft(
                    step.at,
                    step.actor,
                    "override_alarm_raised",
                    "override_alarm",
                    alarm.alarm_key,
                    alarm.sentence,
                    payload,
                )
            ],
        )


def _is_known(step: Step, alarm_key: str) -> bool:
    chosen = select(events.c.seq).where(
        events.c.subject_type == "override_alarm", events.c.subject_id == alarm_key
    )
    return step.connection.execute(chosen.limit(1)).first() is not None


def alarm_payload(connection: Connection, alarm_key: str) -> dict[str, Any] | None:
    """Return what an alarm says; None when there is none."""
    chosen = select(events.c.payload).where(
        events.c.subject_type == "override_alarm",
        events.c.subject_id == alarm_key,
        events.c.action == "override_alarm_raised",
    )
    payload: str | None = connection.execute(chosen.limit(1)).scalar()
    return None if payload is None else dict(json.loads(payload))


def hand_decisions(
    connection: Connection, begin: datetime, end: datetime
) -> tuple[HandDecision, ...]:
    """Return what came into force by hand from one moment up to another, for sampling.

    What was done by breaking glass counts as that, whatever else it was.
    """
    rows = connection.execute(
        select(approvals).where(
            approvals.c.in_force_at >= moment_text(begin),
            approvals.c.in_force_at < moment_text(end),
        )
    ).mappings()
    return tuple(
        HandDecision(
            row["approval_id"],
            BREAK_GLASS if row["is_break_glass"] else row["action_code"],
            row["requester_id"],
            Decimal(row["own_risk_amount"]),
            datetime.fromisoformat(row["in_force_at"]).date(),
        )
        for row in rows
    )
