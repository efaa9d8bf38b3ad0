"""R-Q2: an ending says how long its ticket was worked on, by the clock of who resolves it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from orchestration.ledger.tables import events
from orchestration.ledger.ticket_sync import EngineRun, sync_tickets
from tests.ledger.tending import act, exception, model, rules, staffed

FRIDAY = datetime(2026, 6, 5, 13, tzinfo=UTC)  # 15:00 in Berlin: two hours before the office closes
MONDAY = datetime(2026, 6, 8, 8, tzinfo=UTC)  # 10:00 there: an hour after it opened


def tell_at(ledger, moment, found, gone=()):
    with ledger.write() as connection:
        sync_tickets(connection, EngineRun("run_1", moment, model(), rules()), found, gone)


def endings(ledger) -> list[dict]:
    with ledger.read() as connection:
        rows = connection.execute(
            select(events.c.payload)
            .where(events.c.action == "ticket_closed")
            .order_by(events.c.seq)
        )
        return [json.loads(row.payload) for row in rows]


@pytest.mark.parametrize(
    ("severity", "hours"),
    [("high", 67), ("medium", 3)],
    ids=["day and night", "in working hours, over a weekend"],
)
def test_the_clock_of_the_severity_counts(ledger, severity, hours):
    staffed(ledger)
    found = exception(1, opened_at=FRIDAY.replace(tzinfo=None), severity_code=severity)
    tell_at(ledger, FRIDAY, [found])
    tell_at(ledger, MONDAY, [], ["ex_000001"])
    (said,) = endings(ledger)
    assert said["worked_seconds"] == hours * 3600
    assert said["begun_at"] == "2026-06-05T13:00:00"
    assert (said["leg_code"], said["owner_role"]) == ("payment", "finance")


def test_time_in_which_the_clock_stood_still_is_not_counted(ledger):
    staffed(ledger)
    found = exception(1, opened_at=FRIDAY.replace(tzinfo=None), severity_code="high")
    tell_at(ledger, FRIDAY, [found])
    act(
        ledger, "P-ANA", "pause", ["ex_000001"], "WAITING_CUSTOMER",
        at=FRIDAY + timedelta(hours=1),
    )  # fmt: skip
    tell_at(ledger, MONDAY, [], ["ex_000001"])
    assert endings(ledger)[0]["worked_seconds"] == 3600


def test_what_came_back_begins_anew(ledger):
    staffed(ledger)
    found = exception(1, opened_at=FRIDAY.replace(tzinfo=None), severity_code="high")
    tell_at(ledger, FRIDAY, [found])
    tell_at(ledger, FRIDAY + timedelta(hours=1), [], ["ex_000001"])
    tell_at(ledger, MONDAY, [found])
    tell_at(ledger, MONDAY + timedelta(minutes=30), [], ["ex_000001"])
    first, second = endings(ledger)
    assert (first["worked_seconds"], second["worked_seconds"]) == (3600, 1800)
    assert second["begun_at"] == "2026-06-08T08:00:00"
