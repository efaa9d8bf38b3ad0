"""Issue 5.6: which alerts there are, told once, together, to whom, and not before when."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestration.connectors.alerts.channels import usable_channels
from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import UsageRefused
from orchestration.ledger.alert_claims import claim
from orchestration.ledger.alerts import Watch, clear_alerts, raise_alerts
from orchestration.ledger.events import Draft, append
from orchestration.ledger.outbox_tables import incidents
from orchestration.ledger.sla_clock import tick
from tests.ledger.alert_bed import (
    WHEN,
    messages,
    no_addresses,
    only_figures,
    open_bed,
    raised,
    tellings,
)
from tests.ledger.tending import SEEDS, act, exception, tell

BEGUN = WHEN.replace(tzinfo=None)


def late(number: int, hours: int = 1, **more) -> dict:
    """An exception that was due so many hours before the clock's first moment; it had a day."""
    due = BEGUN - timedelta(hours=hours)
    return exception(number, opened_at=due - timedelta(days=1), due_at=due, **more)


def told(desk) -> list[dict]:
    return only_figures(messages(desk.ledger))


def test_each_step_is_one_event_and_one_alert_however_often_somebody_looks(bed):
    desk, clock = bed
    opened = {"opened_at": BEGUN, "due_at": BEGUN + timedelta(hours=24), "severity_code": "high"}
    tell(desk.ledger, [exception(1, **opened)])
    seen = []
    for hours in (17, 1, 0, 6, 0, 12, 100):
        clock.pass_by(hours=hours)
        seen.append(desk.look().ticked.steps)
    assert seen == [0, 1, 0, 1, 0, 1, 0]
    steps = raised(desk.ledger)
    assert [steps[name] for name in ("sla_warning", "sla_breach", "sla_escalated")] == [1, 1, 1]


def test_two_who_look_at_once_take_a_step_once(bed, tmp_path, ledger_url):
    desk, _ = bed
    tell(desk.ledger, [late(1)])
    other, _ = open_bed(tmp_path, ledger_url)
    try:
        assert [one.look().ticked.steps for one in (desk, other)].count(0) == 1
    finally:
        other.ledger.close()


def test_a_ticket_that_was_resolved_stands_still_and_goes_on_when_it_is_reopened(light):
    desk, clock = light
    opened = {"opened_at": BEGUN, "due_at": BEGUN + timedelta(hours=24), "severity_code": "high"}
    tell(desk.ledger, [exception(1, **opened)])
    act(desk.ledger, "P-BEN", "resolve", ["ex_000001"], "EXPLAINED")
    clock.pass_by(hours=30)
    assert desk.look().ticked.steps == 0
    act(desk.ledger, "P-BEN", "reopen", ["ex_000001"], "NOT_FIXED")
    assert desk.look().ticked.steps == 2


def test_a_clock_that_was_paused_stands_still_and_runs_on_where_it_stood(bed):
    desk, clock = bed
    opened = {"opened_at": BEGUN, "due_at": BEGUN + timedelta(hours=24), "severity_code": "high"}
    tell(desk.ledger, [exception(1, **opened)])
    clock.pass_by(hours=10)
    act(desk.ledger, "P-BEN", "pause", ["ex_000001"], "WAITING_CUSTOMER", at=clock.at)
    clock.pass_by(hours=100)
    assert desk.look().ticked.steps == 0
    act(desk.ledger, "P-BEN", "proceed", ["ex_000001"], at=clock.at)
    clock.pass_by(hours=5)
    assert desk.look().ticked.steps == 0, "15 of 24 hours have run"
    clock.pass_by(hours=4)
    assert desk.look().ticked.steps == 1, "the warning at 75 %"
    clock.pass_by(hours=5)
    assert desk.look().ticked.steps == 1, "the breach, after 24 hours of its own"


def test_a_clock_is_paused_once_with_a_reason_and_only_while_it_runs(light):
    desk, _ = light
    tell(desk.ledger, [late(1, hours=-10), late(2, hours=-10)])
    with pytest.raises(UsageRefused, match="FIXED_AT_SOURCE is no reason to pause"):
        act(desk.ledger, "P-BEN", "pause", ["ex_000001"], "FIXED_AT_SOURCE")
    with pytest.raises(UsageRefused, match="does not stand still"):
        act(desk.ledger, "P-BEN", "proceed", ["ex_000001"])
    act(desk.ledger, "P-BEN", "pause", ["ex_000001"], "WAITING_PROVIDER")
    with pytest.raises(UsageRefused, match="stands still already: WAITING_PROVIDER"):
        act(desk.ledger, "P-BEN", "pause", ["ex_000001"], "WAITING_PROVIDER")
    act(desk.ledger, "P-BEN", "resolve", ["ex_000002"], "EXPLAINED")
    with pytest.raises(UsageRefused, match="its clock does not run"):
        act(desk.ledger, "P-BEN", "pause", ["ex_000002"], "WAITING_PROVIDER")


def test_one_owner_and_cause_is_one_message_at_once_with_what_people_need(light):
    desk, _ = light
    grave = [
        late(number, severity_code="critical", customer_id=f"C-{number}") for number in range(1, 8)
    ]
    tell(desk.ledger, grave)
    desk.look()
    (page,) = [one for one in told(desk) if one["channel_code"] == "pager"]
    assert page["subject"] == "[P1] 7 x PAY_SHORT past due - 87.50 EUR at risk - owner finance"
    lines = dict(line.split(": ", 1) for line in page["body"].splitlines())
    assert list(lines) == [
        "What", "How much", "Owner", "Deadline", "Next", "Open", "Upstream", "Rule", "Based on",
        "Why you", "Message",
    ]  # fmt: skip
    assert lines["How much"].endswith("customers C-1, C-2, C-3, C-4, C-5 and 2 more.")
    assert lines["Deadline"] == "the first was due 2026-06-02 09:20 UTC, 1 h 0 min ago."
    assert lines["Open"] == "http://127.0.0.1:8700/exceptions?class=PAY_SHORT&owner=finance"
    assert page["alert_count"] == 7


def test_many_causes_in_a_digest_are_one_message_an_owner(light):
    desk, clock = light
    codes = ("PAY_SHORT", "PAY_OVER", "BIL_PRICE", "BIL_MISSING")
    found = [late(n, exception_code=codes[n % 4], severity_code="low") for n in range(1, 21)]
    tell(desk.ledger, found)
    desk.look()
    assert told(desk) == []
    clock.pass_by(days=1)
    desk.look()
    (digest,) = [one for one in told(desk) if one["channel_code"] == "finance_desk"]
    assert digest["subject"].startswith("[P4] Digest of the day: 20 for you")
    assert [code for code in codes if f"5 x {code}" in digest["body"]] == list(codes)


def test_an_incident_is_told_once_however_many_members_it_gets(light):
    desk, clock = light
    grave = {"severity_code": "critical", "incident_id": "inc_1"}
    tell(desk.ledger, [late(number, **grave) for number in range(1, 4)])
    desk.look()
    tell(desk.ledger, [late(number, **grave) for number in range(4, 40)], number=2)
    clock.pass_by(minutes=5)
    desk.look()
    pages = [one for one in told(desk) if one["channel_code"] == "pager"]
    assert [one["alert_count"] for one in pages] == [3]
    assert tellings(desk.ledger)["pager", "told"] == 39


def test_one_cause_of_too_many_owners_becomes_one_message(light):
    desk, _ = light
    owners = ("sales", "finance", "operations", "platform", "marketplace", "control")
    found = [late(n, severity_code="critical", owner_role=role) for n, role in enumerate(owners, 1)]
    tell(desk.ledger, found)
    desk.look()
    assert [one["alert_count"] for one in told(desk) if one["channel_code"] == "pager"] == [6]


def test_a_warning_that_comes_too_late_and_a_ticket_that_is_done_are_not_told(light):
    desk, clock = light
    opened = {"opened_at": BEGUN - timedelta(hours=20), "severity_code": "high"}
    due = BEGUN + timedelta(minutes=10)
    tell(
        desk.ledger,
        [
            exception(1, due_at=due, **opened),
            exception(2, due_at=due + timedelta(hours=3), **opened),
        ],
    )
    desk.look()  # both are warned of, with the next hour
    act(desk.ledger, "P-BEN", "resolve", ["ex_000002"], "EXPLAINED")
    clock.pass_by(hours=1)
    desk.look()
    warned = [one for one in told(desk) if one["event_code"] == "sla_warning"]
    assert warned == []
    assert tellings(desk.ledger)["finance_desk", "dropped"] == 2


def test_while_a_feed_is_late_what_is_missing_because_of_it_is_held_and_then_told(light):
    desk, clock = light
    tell(
        desk.ledger,
        [
            late(1, exception_code="BNK_MISSING", severity_code="critical"),
            late(2, severity_code="critical"),
        ],
    )
    with desk.ledger.write() as connection:
        watch = Watch(connection, desk.model, desk.sender.actor, clock.at)
        raise_alerts(watch, [feed_alert(clock.at)], is_on_record=False)
        tick(watch)
        held = plan_now(desk, watch)
    assert (held.held, held.told) != (0, 0)
    assert not [one for one in told(desk) if "BNK_MISSING" in one["subject"]]
    (other,) = [one for one in told(desk) if one["channel_code"] == "pager"]
    assert "feed generic/bank_lines is late since" in other["body"]
    desk.look()  # nothing is published here, so the feed counts as back
    found = [one for one in told(desk) if "BNK_MISSING" in one["subject"]]
    assert sorted(one["channel_code"] for one in found) == ["finance_desk", "pager"]


def feed_alert(at):
    from orchestration.core.alerts.records import Alert

    return Alert(
        "feed/generic/bank_lines/x", "feed_late", None, "platform", "generic/bank_lines", "feed",
        "generic/bank_lines", at, facts={"what": "Nothing of generic/bank_lines came."},
    )  # fmt: skip


def plan_now(desk, watch):
    from orchestration.core.alerts.wording import Context
    from orchestration.ledger.alert_plan import plan

    context = Context(watch.at, "http://here", "run_1", "v", desk.model.playbooks)
    return plan(watch, context, desk.usable(), desk.clock.now())


def test_a_target_that_is_away_is_told_at_once_and_so_is_its_end(bed):
    desk, clock = bed
    with desk.ledger.write() as connection:
        connection.execute(
            incidents.insert().values(
                incident_id="inc_9", target_code="billing", cause_code="failed_writes",
                opened_at="2026-06-02T10:00:00.000000Z", member_count=4,
            )
        )  # fmt: skip
        payload = {"target_code": "billing", "cause_code": "failed_writes", "member_count": 4}
        append(
            connection,
            [
                Draft(
                    clock.at,
                    desk.sender.actor,
                    "external_system_failure",
                    "incident",
                    "inc_9",
                    "x",
                    payload,
                )
            ],
        )
    desk.look()
    desk.look()
    first = told(desk)
    assert sorted(one["channel_code"] for one in first) == ["data_team", "pager"]
    assert first[0]["subject"].startswith("[P1] The target billing does not answer")
    with desk.ledger.write() as connection:
        connection.execute(incidents.update().values(closed_at="2026-06-02T11:00:00.000000Z"))
    clock.pass_by(hours=1)
    desk.look()
    desk.look()
    over = [one for one in told(desk) if one["kind_code"] == "over"]
    assert len(over) == 2
    assert {one["dedup_key"] for one in over} == {one["dedup_key"] for one in first}


def test_what_is_not_grave_waits_for_the_morning(light):
    desk, clock = light
    clock.at = datetime(2026, 6, 2, 22, 0, tzinfo=UTC)  # midnight in Berlin
    tell(
        desk.ledger,
        [late(1, hours=-1, severity_code="medium"), late(2, hours=-1, severity_code="critical")],
    )
    clock.pass_by(hours=24)  # the night after; both are escalated
    desk.look()
    channels = {one["severity_code"] for one in told(desk) if one["event_code"] == "sla_escalated"}
    assert channels <= {"critical"}
    clock.at = datetime(2026, 6, 4, 5, 1, tzinfo=UTC)
    desk.look()
    assert "high" in {one["severity_code"] for one in told(desk)}


def test_without_an_address_the_fallback_is_used_and_without_any_alerts_wait(light, monkeypatch):
    desk, _ = light
    tell(desk.ledger, [late(1, severity_code="critical")])
    monkeypatch.delenv("MESHLINE_CHANNEL_PAGER")
    monkeypatch.delenv("MESHLINE_CHANNEL_FINANCE")
    monkeypatch.delenv("MESHLINE_CHANNEL_CONTROL")
    looked = desk.look()
    assert "control_mail" in looked.no_address
    assert [one["channel_code"] for one in told(desk)] == ["data_team"]
    monkeypatch.setenv("MESHLINE_CHANNEL_CONTROL", "json://127.0.0.1:9/x")
    desk.look()
    assert {one["channel_code"] for one in told(desk)} == {"data_team", "control_mail"}


def test_an_address_is_read_from_a_file_too(tmp_path, monkeypatch, light):
    desk, _ = light
    no_addresses(monkeypatch)
    (tmp_path / "address").write_text("json://127.0.0.1:9/x\n")
    monkeypatch.setenv("MESHLINE_CHANNEL_PAGER_FILE", str(tmp_path / "address"))
    assert usable_channels(desk.model.channels) == {"pager"}


def test_messages_hold_no_address_and_nothing_that_a_document_says(light):
    desk, _ = light
    tell(
        desk.ledger,
        [
            late(
                1,
                severity_code="critical",
                explanation="paid by jo@example.test 4111 1111 1111 1111",
                customer_id="jo@example.test",
            )
        ],
    )
    desk.look()
    bodies = "".join(one["subject"] + one["body"] for one in messages(desk.ledger))
    assert "@" not in bodies
    assert "4111" not in bodies


def test_what_was_raised_is_not_raised_again_and_what_is_over_is_told_so_once(bed):
    desk, clock = bed
    with desk.ledger.write() as connection:
        watch = Watch(connection, desk.model, desk.sender.actor, clock.at)
        assert [
            raise_alerts(watch, [feed_alert(clock.at)] * 2, is_on_record=False) for _ in range(2)
        ] == [1, 0]
        assert [clear_alerts(watch, "feed_late", lasting=()) for _ in range(2)] == [1, 0]


def test_a_channel_gets_one_message_a_second_the_gravest_first(light):
    desk, clock = light
    channels = load_operating_model(SEEDS).channels
    tell(desk.ledger, [late(1, severity_code="critical"), late(2, hours=30)])
    desk.look()
    finance = only_figures(messages(desk.ledger))
    assert {one["severity_code"] for one in finance if one["channel_code"] == "finance_desk"} == {
        "critical", "high",
    }  # fmt: skip
    taken = []
    for _ in range(4):
        with desk.ledger.write() as connection:
            now = desk.clock.now()
            taken += claim(connection, channels, desk.sender, {"finance_desk"}, now)
        clock.pass_by(seconds=0.6)
    assert [one.severity for one in taken] == ["critical", "high"]
