"""Escalation, assignment, alarms and runbook values on the project's own operating model."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.policies.records import Absence
from orchestration.core.work.alarms import alarms_of
from orchestration.core.work.assignment import Unassigned, assign
from orchestration.core.work.clocks import Clock, Pause, clock_for
from orchestration.core.work.escalation import Pending, Timetable, step_moment, who_is_told
from orchestration.core.work.people import Person, Staff
from orchestration.core.work.runbooks import playbook_values
from orchestration.core.work.sampling import HandDecision
from orchestration.settings import PROJECT_ROOT

MODEL = load_operating_model(PROJECT_ROOT / "seeds")
DAY = date(2026, 7, 1)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
PEOPLE = (
    Person("per-tove", "sales", None, Decimal(250000), "USD"),
    Person("per-ines", "sales", "per-tove", Decimal(25000), "USD"),
    Person("per-joko", "sales", "per-tove", Decimal(25000), "USD"),
    Person("per-rhea", "finance", None, Decimal(500000), "USD"),
    Person("per-abel", "finance", "per-rhea", Decimal(10000), "USD"),
    Person("per-bram", "control", None, Decimal(0), "USD"),
    Person("per-dunya", "operations", None, Decimal(15000), "USD"),
)


def away(person_id: str, deputy_id: str | None = None) -> Absence:
    return Absence(person_id=person_id, from_on=DAY, to_on=DAY, deputy_id=deputy_id)


def pending(severity: str = "high", hours: int = 24, *stops: Pause) -> Pending:
    return Pending(severity, "per-abel", "finance", NOON, timedelta(hours=hours), stops)


def due(at: datetime, taken: set[int], *stops: Pause) -> list[int]:
    steps = frozenset(("standard", number) for number in taken)
    found = Timetable(MODEL, DAY).due(pending("high", 24, *stops), steps, at)
    return [one.step.step_no for one in found]


def test_ro2_steps_are_due_at_75_100_and_150_percent():
    chain = MODEL.chain_of("high", DAY)

    moments = [step_moment(step, pending(), Clock()) for step in chain]

    assert [step.at_percent for step in chain] == [75, 100, 150]
    assert moments == [NOON + timedelta(hours=hours) for hours in (18, 24, 36)]
    assert due(NOON + timedelta(hours=18, microseconds=-1), set()) == []
    assert due(NOON + timedelta(hours=18), set()) == [1]


def test_ro2_a_restart_neither_forgets_nor_repeats_a_step():
    later = NOON + timedelta(days=9)
    for moments in itertools.combinations(range(0, 48, 3), 4):
        taken: list[int] = []
        for hours in moments:
            taken += due(NOON + timedelta(hours=hours), set(taken))
        taken += due(later, set(taken))
        assert taken == [1, 2, 3]
    assert due(later, {1, 2, 3}) == []


def test_ro2_a_pause_moves_the_steps_that_are_not_due_yet():
    stop = Pause(NOON + timedelta(hours=20), NOON + timedelta(hours=30))

    assert due(NOON + timedelta(hours=26), {1}, stop) == []
    assert due(NOON + timedelta(hours=34), {1}, stop) == [2]


def test_critical_exceptions_have_a_faster_chain_that_ends_at_the_fallback_role():
    chain = MODEL.chain_of("critical", DAY)

    assert [step.at_percent for step in chain] == [50, 75, 100, 150]
    told = who_is_told(chain[-1], pending("critical"), Staff.of(PEOPLE), MODEL, DAY)
    assert (told.role, told.person_ids) == ("control", ("per-bram",))


@pytest.mark.parametrize(
    ("absences", "level", "reached"),
    [
        ((), 0, ("per-abel", "per-rhea")),
        ((), 1, ("per-rhea",)),
        ((), 2, ("per-rhea",)),
        ((away("per-abel"),), 0, ("per-rhea",)),
        ((away("per-rhea", "per-bram"),), 1, ("per-bram",)),
        ((away("per-rhea"),), 1, ("per-abel",)),
    ],
)
def test_ro2_who_is_away_is_replaced_by_the_deputy_or_the_next_above(absences, level, reached):
    staff = Staff.of(PEOPLE, absences)
    step = MODEL.chain_of("high", DAY)[level]

    assert who_is_told(step, pending(), staff, MODEL, DAY).person_ids == reached


def test_managers_who_manage_each_other_end_the_chain():
    staff = Staff.of((Person("a", "finance", "b"), Person("b", "finance", "a")))

    assert [one.person_id for one in staff.managers_of("a")] == ["b"]


def test_ro2_work_goes_to_whoever_has_least_and_is_shared_evenly():
    wanted = [Unassigned(f"ex_{number:03}", "PAY_SHORT") for number in range(100)]

    served = assign(wanted, Staff.of(PEOPLE), {"per-abel": 10}, MODEL, DAY)

    counts = {one: sum(got.person_id == one for got in served) for one in ("per-abel", "per-rhea")}
    assert counts == {"per-abel": 45, "per-rhea": 55}
    assert served == assign(
        reversed(wanted), Staff.of(reversed(PEOPLE)), {"per-abel": 10}, MODEL, DAY
    )


@pytest.mark.parametrize(
    ("absences", "preferred", "barred", "allowed", "role"),
    [
        ((), "per-joko", set(), {"per-joko"}, "sales"),
        ((away("per-joko", "per-ines"),), "per-joko", set(), {"per-ines"}, "sales"),
        ((away("per-joko"), away("per-ines")), "per-joko", set(), {"per-tove"}, "sales"),
        ((away("per-joko"), away("per-tove")), None, {"per-ines"}, {"per-abel", "per-rhea"},
         "finance"),
    ],
)  # fmt: skip
def test_ro2_the_owner_of_the_order_is_preferred_and_who_is_barred_never_gets_it(
    absences, preferred, barred, allowed, role
):
    one = Unassigned("ex_1", "GATE_PRICE", "", preferred, frozenset(barred))

    (got,) = assign([one], Staff.of(PEOPLE, absences), {}, MODEL, DAY)

    assert got.role == role
    assert got.person_id in allowed


def test_ro1_when_nobody_is_there_the_role_has_it_and_it_is_said():
    (got,) = assign([Unassigned("ex_1", "FUL_SHORT")], Staff.of(()), {}, MODEL, DAY)

    assert got.person_id is None
    assert got.because == "nobody of operations or sales is there"


def test_ro1_every_class_and_every_state_has_a_responsible_and_another_fallback():
    for code in MODEL.classes:
        raci = MODEL.raci_of_class(code, DAY)
        assert raci.responsible != raci.fallback
        assert {raci.responsible, raci.accountable, raci.fallback} <= set(MODEL.roles)
    for leg in MODEL.legs:
        raci = MODEL.raci_of_state("leg", "exception", DAY, leg)
        assert (raci.responsible, raci.responsible != raci.fallback) == (MODEL.legs[leg], True)


def test_rc4_400_forced_matches_of_one_person_in_a_day_raise_one_alarm():
    many = [
        HandDecision(f"ap_{n}", "forced_match", "per-abel", Decimal("1.00"), DAY)
        for n in range(400)
    ]
    spread = [
        HandDecision(f"ap_{n}", "forced_match", f"per-{n % 20}", Decimal("1.00"), DAY)
        for n in range(400)
    ]

    (alarm,) = alarms_of([*many, *many], MODEL.alarms)

    assert (alarm.person_id, alarm.count, alarm.exception_code) == ("per-abel", 400, "CTL_OVERRIDE")
    assert alarms_of(spread, MODEL.alarms) == ()
    assert alarms_of(many[:25], MODEL.alarms) == ()
    assert len(alarms_of(many[:26], MODEL.alarms)) == 1


def test_rc4_few_decisions_of_much_money_raise_an_alarm_as_well():
    one = HandDecision("ap_1", "forced_match", "per-abel", Decimal(50001), DAY)

    (alarm,) = alarms_of([one], MODEL.alarms)

    assert "50001 in all" in alarm.sentence


def test_the_time_of_medium_exceptions_runs_in_the_hours_of_the_role():
    assert clock_for(MODEL, "high", "finance", DAY) == Clock()
    clock = clock_for(MODEL, "medium", "finance", DAY)
    friday = datetime(2026, 7, 3, 15, tzinfo=UTC)  # 17:00 in Berlin: the office closes

    assert clock.reached(friday, timedelta(hours=1)) == datetime(2026, 7, 6, 8, tzinfo=UTC)


def test_ro3_a_playbook_shows_the_values_of_the_order():
    values = playbook_values(
        {"exception_code": "PAY_SHORT", "currency_code": "EUR", "leak_amount": Decimal("92.2200"),
         "owner_role": "finance", "approver_role": "finance", "due_at": NOON},
        {"expected_amount": "230.5600", "actual_amount": "138.3400", "variance_amount": "-92.2200",
         "rule": "PAY-KEYED", "rule_version": "1"},
        MappingProxyType({"order_id": "GD-1", "customer_id": "cu-9"}),
    )  # fmt: skip

    book = MODEL.playbooks["PAY_SHORT"].filled(values)

    assert book.happened == "GD-1: received 138.34 of 230.56 EUR, -92.22 apart."
    assert book.who == "finance clears it; finance signs a write-off."
    assert values["rule"] == "PAY-KEYED v1"
    assert values["due_at"] == "2026-07-01 12:00"


@pytest.mark.parametrize(
    ("text", "exponent", "shown"),
    [
        ("10.0000", 2, "10.00"),
        ("10.1250", 2, "10.125"),
        ("97230.0000", 0, "97230"),
        ("5", 2, "5.00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(text, exponent, shown):
    values = playbook_values({"leak_amount": Decimal(text)}, {}, {}, exponent)

    assert values["leak_amount"] == shown
