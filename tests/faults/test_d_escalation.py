"""Escalation when clocks stand still and people are away: fault case D14."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from approval_desk import ENGINE, NOON, Desk, away, ledger_url, model_of

from orchestration.core.work.clocks import Pause
from orchestration.core.work.escalation import Pending
from orchestration.ledger.escalating import Escalated, RunningTicket, escalate
from orchestration.ledger.store import open_ledger


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    """People at a ledger of their own."""
    with open_ledger(ledger_url(tmp_path)) as ledger:
        yield Desk(ledger)


def ticket(*pauses: Pause, severity: str = "high") -> RunningTicket:
    """A ticket of Abel's with a day to resolve."""
    pending = Pending(severity, "per-abel", "finance", NOON, timedelta(hours=24), pauses)
    return RunningTicket("ex_1", pending, "rk1_order")


def steps(desk: Desk, *tickets: RunningTicket, after: int) -> list[Escalated]:
    """The steps that are taken so many hours after the beginning."""
    with desk.ledger.write() as connection:
        at = NOON + timedelta(hours=after)
        return list(escalate(connection, desk.model, tickets, ENGINE, at))


def test_d14_each_step_is_taken_once_and_is_an_event(desk):
    taken = [
        (after, [one.due.step.step_no for one in steps(desk, ticket(), after=after)])
        for after in (17, 18, 19, 24, 24, 36, 100)
    ]

    assert taken == [(17, []), (18, [1]), (19, []), (24, [2]), (24, []), (36, [3]), (100, [])]
    events = desk.events("escalation_step_taken")
    assert [event["payload"]["person_ids"] for event in events] == [
        ["per-abel", "per-rhea"], ["per-rhea"], ["per-rhea"],
    ]  # fmt: skip
    assert {event["recon_key"] for event in events} == {"rk1_order"}


def test_d14_after_an_outage_every_step_that_was_missed_is_made_up_for(desk):
    found = steps(desk, ticket(), after=200)

    assert [one.due.step.step_no for one in found] == [1, 2, 3]
    assert [one.due.since for one in found] == [NOON + timedelta(hours=h) for h in (18, 24, 36)]


def test_d14_a_clock_that_stands_still_escalates_nothing_and_goes_on_where_it_stopped(desk):
    begun = NOON + timedelta(hours=10)

    assert steps(desk, ticket(Pause(begun)), after=500) == []
    ended = ticket(Pause(begun, begun + timedelta(hours=480)))
    assert [one.due.step.step_no for one in steps(desk, ended, after=498)] == [1]


def test_d14_who_is_away_is_replaced_and_the_step_is_taken_all_the_same(desk):
    desk.model = model_of(absences=(away("per-rhea", "per-bram"),))

    found = steps(desk, ticket(), after=24)

    assert [one.told.person_ids for one in found] == [("per-abel",), ("per-bram",)]
    assert "for per-rhea who is away" in desk.events("escalation_step_taken")[1]["reason"]


def test_d14_when_nobody_at_all_is_there_the_role_is_told(desk):
    desk.hire()

    found = steps(desk, ticket(), after=36)

    assert [(one.told.role, one.told.person_ids) for one in found] == [("finance", ())] * 3


def test_d14_a_clock_that_was_set_back_repeats_nothing(desk):
    steps(desk, ticket(), after=24)

    assert steps(desk, ticket(), after=1) == []
    assert steps(desk, ticket(), after=24) == []
