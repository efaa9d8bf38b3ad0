"""R-V3: what being late makes of a ticket, and what a role is told of its day."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from orchestration.alert_facts import Outside
from orchestration.ledger.alert_tables import alerts
from orchestration.ledger.tables import events, tickets
from orchestration.ledger.tickets import RAISED
from orchestration.reading.feeds import DayFigures
from tests.ledger.alert_bed import WHEN, raised
from tests.ledger.tending import exception, tell

BEGUN = WHEN.replace(tzinfo=None)


def test_a_ticket_that_is_late_becomes_graver_once_and_its_chain_stays(bed):
    desk, clock = bed
    opened = {"opened_at": BEGUN, "due_at": BEGUN + timedelta(hours=24)}
    tell(
        desk.ledger,
        [
            exception(1, **opened, severity_code="high"),
            exception(2, **opened, severity_code="critical"),
        ],
    )
    for hours in (19, 6, 0, 30):
        clock.pass_by(hours=hours)
        desk.look()
    with desk.ledger.read() as connection:
        rows = connection.execute(select(tickets)).mappings().all()
        found = select(events.c.subject_id, events.c.reason).where(
            events.c.action == "ticket_severity_raised"
        )
        (raise_event,) = connection.execute(found).all()
        said = select(alerts.c.subject_id, alerts.c.event_code, alerts.c.severity_code)
        told_as = {
            (row.subject_id, row.event_code): row.severity_code for row in connection.execute(said)
        }
    graver = {row["ticket_id"]: (row["severity_code"], row[RAISED]) for row in rows}
    first, second = sorted(graver)
    assert graver == {first: ("high", "critical"), second: ("critical", None)}
    assert raise_event == (first, "It is late: high became critical.")
    assert told_as[first, "sla_warning"] == "high"
    assert told_as[first, "sla_breach"] == "high", "the route of what it was"
    assert told_as[first, "sla_escalated"] == "critical"
    assert raised(desk.ledger)["sla_breach"] == 2
    tell(desk.ledger, [exception(1, **opened, severity_code="medium", leak_amount=Decimal(5))])
    with desk.ledger.read() as connection:
        row = connection.execute(select(tickets).where(tickets.c.ticket_id == first)).mappings()
        assert dict(row.one())[RAISED] == "critical", "the facts of a run do not set it back"


def test_the_figures_of_the_day_hold_the_targets_and_the_time_before(light, monkeypatch):
    desk, clock = light
    figures = [
        DayFigures(Decimal("0.9750"), Decimal("20.0000"), Decimal("71.5000"), Decimal("30.4")),
        DayFigures(Decimal("0.9900"), Decimal("18.0000"), Decimal("60.0000"), None),
    ]
    outside = Outside("run_1", None, is_running=False, received={}, figures=None)
    monkeypatch.setattr(
        "orchestration.alerting.read_outside",
        lambda _settings, _at: replace(outside, figures=figures[0]),
    )
    bodies = []
    for _ in range(2):
        desk.look()
        chosen = select(alerts.c.facts).where(alerts.c.alert_key.startswith("digest/finance/"))
        with desk.ledger.read() as connection:
            found = connection.execute(chosen.order_by(alerts.c.alert_key.desc())).scalars()
            bodies.append(json.loads(found.first())["what"])
        del figures[0]
        clock.pass_by(days=1)
        if not figures:
            break
    assert "97.50% of what is due (target 98% of tier 1)." in bodies[0]
    assert "half within 20.0 h, 95 % within 71.5 h." in bodies[0]
    assert "Exceptions ended after 30.4 h in the mean (target under 24 h)." in bodies[0]
    assert "99.00% of what is due (target 98% of tier 1; the time before: 97.50%" in bodies[1]
