"""Approvals against everybody who would rather not be looked at: fault cases D1 to D7, D10.

Whatever is refused is refused in words and is an event.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from approval_desk import NOON, PEOPLE, Desk, alias, away, ledger_url, model_of, waiver

from orchestration.core.work.approval_states import ApprovalState
from orchestration.ledger.approval_rows import APPROVALS
from orchestration.ledger.projections import rebuild
from orchestration.ledger.store import open_ledger


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    """People at a ledger of their own."""
    with open_ledger(ledger_url(tmp_path)) as ledger:
        yield Desk(ledger)


def approved(desk: Desk, **more) -> str:
    """A waiver by Ines that Joko signed."""
    asked = desk.ask(**more)
    assert desk.sign(asked.approval_id, "per-joko").state is ApprovalState.APPROVED
    return asked.approval_id


def refusals(desk: Desk) -> list[str]:
    """What was refused, as it is on record."""
    return [event["reason"] for event in desk.events("approval_refused")]


def test_rc1_a_request_that_others_sign_comes_into_force_and_each_step_is_an_event(desk):
    asked = desk.ask()

    assert (asked.state, asked.wanting) == (ApprovalState.REQUESTED, ("sales",))
    assert desk.sign(asked.approval_id, "per-joko").state is ApprovalState.APPROVED
    assert desk.use(asked.approval_id).state is ApprovalState.IN_FORCE
    row = desk.row(asked.approval_id)
    assert row["holds_until"] == "2026-07-31T12:00:00.000000Z"
    steps = desk.events(
        *("approval_" + name for name in ("requested", "signed", "completed", "used"))
    )
    assert [(event["action"], event["actor_id"]) for event in steps] == [
        ("approval_requested", "per-ines"),
        ("approval_signed", "per-joko"),
        ("approval_completed", "per-joko"),
        ("approval_used", "engine:run_1"),
    ]
    assert {event["recon_key"] for event in steps} == {"rk1_order"}
    assert refusals(desk) == []


def test_d1_a_maker_cannot_approve_their_own_request(desk):
    asked = desk.ask()

    assert desk.sign(asked.approval_id, "per-ines").refused == "requester cannot approve"
    assert desk.reject(asked.approval_id, "per-ines").refused is not None
    assert desk.row(asked.approval_id)["state_code"] == "requested"
    assert len(refusals(desk)) == 2


@pytest.mark.parametrize("kind", ["alias", "token"])
def test_d1_a_second_account_or_token_of_the_maker_is_the_maker(desk, kind):
    desk.model = model_of(identities={"ines-2": alias("ines-2", "per-ines", kind)})
    asked = desk.ask()

    assert desk.sign(asked.approval_id, "ines-2").refused == "requester cannot approve"
    assert desk.sign(asked.approval_id, "INES-2").refused == "requester cannot approve"


def test_d1_an_account_that_was_linked_in_the_ledger_is_the_maker_too(desk):
    desk.link("ines@desk", "per-ines")
    asked = desk.ask(who="ines@desk")

    assert desk.row(asked.approval_id)["requester_id"] == "per-ines"
    assert desk.sign(asked.approval_id, "per-ines").refused == "requester cannot approve"


def test_d1_asking_through_a_second_account_and_signing_with_the_first_is_refused(desk):
    desk.model = model_of(identities={"ines-2": alias("ines-2", "per-ines")})
    asked = desk.ask(who="ines-2")

    assert desk.sign(asked.approval_id, "per-ines").refused == "requester cannot approve"


def test_d1_a_deputy_of_the_maker_does_not_sign_for_the_maker(desk):
    desk.model = model_of(absences=(away("per-ines", "per-abel"),))
    asked = desk.ask()

    refused = desk.sign(asked.approval_id, "per-abel").refused

    assert refused == "per-abel stands for per-ines, who asked for it"


def test_d1_the_maker_does_not_sign_as_a_deputy_of_somebody_else(desk):
    desk.model = model_of(absences=(away("per-joko", "per-ines"),))

    assert desk.sign(desk.ask().approval_id, "per-ines").refused == "requester cannot approve"


def test_d1_a_maker_who_changes_role_after_asking_stays_the_maker(desk):
    asked = desk.ask(who="per-abel", decision=waiver("5000"), accountable_role="sales")
    assert desk.sign(asked.approval_id, "per-joko").wanting == ("finance",)
    desk.hire(
        *(replace(one, role="control") if one.person_id == "per-abel" else one for one in PEOPLE)
    )

    assert desk.sign(asked.approval_id, "per-abel").refused == "requester cannot approve"


def test_d1_two_ids_that_turn_out_to_be_one_person_are_caught_when_it_is_used(desk):
    approval_id = approved(desk)
    desk.model = model_of(identities={"per-joko": alias("per-joko", "per-ines")})

    outcome = desk.use(approval_id)

    assert outcome.refused == "per-joko is who asked for it"
    assert outcome.state is ApprovalState.REQUESTED


def test_a_named_deputy_signs_for_who_is_away_and_both_are_on_record(desk):
    desk.model = model_of(absences=(away("per-joko", "per-abel"),))
    asked = desk.ask()

    assert desk.sign(asked.approval_id, "per-abel").state is ApprovalState.APPROVED
    signature = desk.events("approval_signed")[0]["payload"]["signature"]
    assert (signature["by"], signature["for"], signature["role"]) == (
        "per-abel",
        "per-joko",
        "sales",
    )


def test_d2_a_double_click_signs_once_and_gets_the_same_answer(desk):
    asked = desk.ask(decision=waiver("30000"))
    first = desk.sign(asked.approval_id, "per-tove", nonce="click")

    again = desk.sign(asked.approval_id, "per-tove", nonce="click")

    assert again.is_repeat
    assert (again.state, again.wanting) == (first.state, first.wanting)
    assert len(desk.events("approval_signed")) == 1


def test_d2_a_request_that_is_sent_twice_is_one_request(desk):
    one, other = (desk.ask(nonce="click") for _ in range(2))

    assert one.approval_id == other.approval_id
    assert (one.is_repeat, other.is_repeat) == (False, True)
    assert desk.ask(nonce="click", decision=waiver("501")).refused is not None


def test_d2_nobody_signs_twice_with_another_click(desk):
    asked = desk.ask(decision=waiver("30000"))
    desk.sign(asked.approval_id, "per-tove")

    assert desk.sign(asked.approval_id, "per-tove").refused == "per-tove has signed already"


def test_d2_an_approval_is_used_once_and_a_replayed_signature_does_nothing(desk):
    approval_id = approved(desk)
    desk.use(approval_id)

    assert desk.use(approval_id).is_repeat
    assert desk.sign(approval_id, "per-tove").refused == "it is in force already"
    assert len(desk.events("approval_used")) == 1


def test_d2_the_very_same_thing_is_not_asked_for_twice(desk):
    approval_id = approved(desk)

    assert desk.ask(who="per-tove").refused == f"{approval_id} already asks for exactly that"


def test_d3_another_payload_than_the_approved_one_is_not_done(desk):
    approval_id = approved(desk)
    changed = waiver("500.01").payload_hash()

    outcome = desk.use(approval_id, payload_hash=changed)

    assert outcome.refused == "what is to be done is not what was approved"
    assert desk.row(approval_id)["state_code"] == "approved"
    pending = desk.ask(decision=waiver("500.01"))
    assert pending.state is ApprovalState.REQUESTED


@pytest.mark.parametrize(
    "changed", [waiver("500.01"), waiver(version=2), waiver(rule="PRICE v2"), waiver(rate="1.0871")]
)
def test_d3_amount_version_rule_and_rate_are_all_part_of_what_is_signed(desk, changed):
    assert changed.payload_hash() != waiver().payload_hash()
    asked = desk.ask()

    refused = desk.sign(asked.approval_id, "per-joko", seen_hash=changed.payload_hash()).refused

    assert refused == "what was shown is not what is asked for; look at it again"


def test_d3_a_request_about_an_order_that_moved_on_is_neither_signed_nor_used(desk):
    asked = desk.ask()
    stale = desk.sign(asked.approval_id, "per-joko", current_version=2).refused
    desk.sign(asked.approval_id, "per-joko", current_version=1)

    outcome = desk.use(asked.approval_id, current_version=2)

    assert stale == outcome.refused == "it is about version 1 of the order, which is at 2 now"
    assert outcome.state is ApprovalState.REVOKED


def test_d4_a_request_that_nobody_signed_in_time_is_over(desk):
    asked = desk.ask()
    desk.later(hours=72)

    assert desk.sign(asked.approval_id, "per-joko").refused == "it is expired already"
    assert len(desk.events("approval_expired")) == 1


def test_d4_an_approval_that_was_not_used_in_time_is_over(desk):
    approval_id = approved(desk)
    desk.later(hours=72)

    assert desk.use(approval_id).refused == "it is expired and not approved"


def test_d4_a_decision_in_force_ends_and_does_so_once(desk):
    approval_id = approved(desk)
    desk.use(approval_id)
    desk.later(days=30)

    assert desk.expire() == (approval_id,)
    assert desk.expire() == ()


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("gone", "per-joko, who signed, may not act any more"),
        ("moved", "per-joko signed for sales and is of finance now"),
        ("smaller", "the limit of per-joko does not cover 500.0000 any more"),
    ],
)
def test_d4_an_approver_who_could_not_sign_today_has_not_signed(desk, who, said):
    approval_id = approved(desk)
    changed = {
        "gone": None,
        "moved": replace(PEOPLE[1], role="finance"),
        "smaller": replace(PEOPLE[1], approval_limit=Decimal("499.99")),
    }[who]
    others = [one for one in PEOPLE if one.person_id != "per-joko"]
    desk.hire(*others, *([changed] if changed else []))

    outcome = desk.use(approval_id)

    assert outcome.refused == said
    assert outcome.state is ApprovalState.REQUESTED
    assert desk.sign(approval_id, "per-tove").state is ApprovalState.APPROVED
    assert desk.use(approval_id).state is ApprovalState.IN_FORCE


def test_d4_an_approver_whose_account_is_switched_off_has_not_signed(desk):
    approval_id = approved(desk)
    desk.model = model_of(identities={"per-joko": alias("per-joko", "per-joko", on=False)})

    assert desk.use(approval_id).refused == "per-joko, who signed, may not act any more"
    assert desk.sign(approval_id, "per-joko").refused == "the account per-joko is switched off"


def test_d4_who_has_no_authority_for_the_amount_does_not_sign(desk):
    asked = desk.ask(decision=waiver("24000"))

    assert desk.sign(asked.approval_id, "per-abel").refused == (
        "24000.0000 is above the limit of per-abel, 10000 USD"
    )
    assert desk.sign(asked.approval_id, "per-bram").refused == (
        "it needs a signature of finance or sales, and per-bram is of control"
    )


def test_d5_of_two_who_answer_at_the_same_time_the_first_wins_and_the_other_is_told(desk):
    for _ in range(10):
        asked = desk.ask(customer_id=None, decision=waiver("1", n=str(_)))
        barrier, outcomes = threading.Barrier(2), {}

        def act(name: str, step, asked=asked, barrier=barrier, outcomes=outcomes) -> None:
            barrier.wait()
            outcomes[name] = step(asked.approval_id)

        threads = [
            threading.Thread(target=act, args=("sign", lambda one: desk.sign(one, "per-joko"))),
            threading.Thread(target=act, args=("reject", lambda one: desk.reject(one, "per-tove"))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        refused = [name for name, outcome in outcomes.items() if outcome.refused]
        assert len(refused) == 1
        won = "approved" if refused == ["reject"] else "rejected"
        assert outcomes[refused[0]].refused == f"it is {won} already"
        assert desk.row(asked.approval_id)["state_code"] == won


def test_d6_parts_of_one_amount_need_the_signatures_of_the_whole(desk):
    parts = [desk.ask(decision=waiver("900", part=str(number))) for number in range(3)]

    assert [desk.row(one.approval_id)["required_roles"] for one in parts] == [
        "sales", "finance;sales", "finance;sales",
    ]  # fmt: skip
    assert desk.row(parts[2].approval_id)["risk_amount"] == "2700.0000"
    other_maker = desk.ask(who="per-joko", decision=waiver("24000", part="9"))
    assert desk.row(other_maker.approval_id)["required_roles"] == "control;finance;sales"


def test_d6_midnight_does_not_make_two_of_one_and_another_customer_is_another(desk):
    desk.now = NOON + timedelta(hours=11, minutes=59)
    desk.ask(decision=waiver("900", part="1"))
    desk.later(minutes=2)

    assert (
        desk.row(desk.ask(decision=waiver("900", part="2")).approval_id)["risk_amount"]
        == "1800.0000"
    )
    other = desk.ask(decision=waiver("900", part="3"), customer_id="cu-2")
    assert desk.row(other.approval_id)["required_roles"] == "sales"
    desk.later(hours=24)
    assert (
        desk.row(desk.ask(decision=waiver("900", part="4")).approval_id)["required_roles"]
        == "sales"
    )


def test_d6_what_was_rejected_does_not_count_and_what_held_once_does(desk):
    first = desk.ask(decision=waiver("900", part="1"))
    desk.reject(first.approval_id, "per-joko")
    second = desk.ask(decision=waiver("900", part="2"))
    assert desk.row(second.approval_id)["required_roles"] == "sales"
    desk.sign(second.approval_id, "per-joko")
    desk.use(second.approval_id)
    desk.revoke(second.approval_id, "per-joko")

    third = desk.ask(decision=waiver("900", part="3"))

    assert desk.row(third.approval_id)["required_roles"] == "finance;sales"


def glass(desk: Desk, **more):
    return desk.ask(is_break_glass=True, reason_code="OUTAGE", **more)


def test_d7_broken_glass_holds_at_once_needs_a_reason_and_ends_unless_somebody_else_signs(desk):
    assert glass(desk, reason="quick").refused == "say why in at least 15 characters"
    assert desk.ask(is_break_glass=True).refused.startswith("'CUSTOMER_AGREED' is no reason for")

    broken = glass(desk)

    assert (broken.state, broken.wanting) == (ApprovalState.UNREVIEWED, ("control",))
    row = desk.row(broken.approval_id)
    assert row["holds_until"] == row["sign_by"] == "2026-07-03T12:00:00.000000Z"
    desk.later(hours=48)
    assert desk.expire() == (broken.approval_id,)


def test_d7_the_second_person_after_the_fact_is_somebody_else(desk):
    broken = glass(desk, who="per-cleo")

    assert desk.sign(broken.approval_id, "per-cleo").refused == "requester cannot approve"
    assert desk.sign(broken.approval_id, "per-bram").state is ApprovalState.IN_FORCE
    assert desk.row(broken.approval_id)["holds_until"] == "2026-07-31T12:00:00.000000Z"


def test_d7_a_review_that_says_no_takes_it_back(desk):
    broken = glass(desk)

    assert desk.reject(broken.approval_id, "per-bram").state is ApprovalState.REVOKED


def test_d7_broken_glass_is_always_sampled_and_the_second_of_a_day_raises_an_alarm(desk):
    glass(desk, decision=waiver("1"))
    assert desk.events("override_alarm_raised") == []
    glass(desk, decision=waiver("2"))
    glass(desk, decision=waiver("3"))

    (alarm,) = desk.events("override_alarm_raised")
    assert alarm["subject_id"] == "ALARM-GLASS/per-ines/2026-07-01"
    rates = {rule.sample_rate for rule in desk.model.sampling if rule.action_code == "break_glass"}
    assert rates == {Decimal(1)}


def test_rc4_400_forced_matches_by_one_person_in_a_day_raise_one_alarm(desk):
    for number in range(400):
        decision = replace(waiver("1", n=str(number)), action_code="forced_match")
        assert desk.ask(who="per-abel", decision=decision).refused is None

    (alarm,) = desk.events("override_alarm_raised")
    assert alarm["payload"]["exception_code"] == "CTL_OVERRIDE"
    assert alarm["payload"]["person_id"] == "per-abel"


def test_d10_who_acts_for_somebody_is_on_record_beside_that_person(desk):
    asked = desk.ask(via="svc-console")

    (event,) = desk.events("approval_requested")
    assert (event["actor_id"], event["principal_id"]) == ("per-ines", "svc-console")
    assert desk.sign(asked.approval_id, "per-joko", via="svc-console").refused is None
    (signed,) = desk.events("approval_signed")
    assert (signed["actor_id"], signed["principal_id"]) == ("per-joko", "svc-console")


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("svc-console", "svc-console is a service and signs nothing itself"),
        ("per-nobody", "Nobody is known as per-nobody."),
        ("engine:run_1", "Nobody is known as engine:run_1."),
    ],
)
def test_d10_a_service_and_a_stranger_sign_nothing_and_the_attempt_is_on_record(
    desk, account, said
):
    asked = desk.ask()

    assert desk.sign(asked.approval_id, account).refused.startswith(said)
    (event,) = desk.events("approval_refused")
    assert (event["actor_id"], event["payload"]["attempted"]) == (account, "sign")


@pytest.mark.parametrize(
    "more",
    [
        {"reason": "because"},
        {"reason_code": "BAD_DEBT"},
        {"accountable_role": "chief"},
        {"decision": replace(waiver(), action_code="tea_break")},
        {"decision": replace(waiver(), currency_code="XXX")},
        {"decision": waiver(rate=1.5)},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words_and_on_record(desk, more):
    outcome = desk.ask(**more)

    assert outcome.approval_id is None
    assert refusals(desk) == [outcome.refused]


def test_what_is_signed_of_a_request_that_is_not_there_is_refused(desk):
    with desk.ledger.write():
        pass
    assert desk.reject("ap_none", "per-joko").refused == "there is no request ap_none"


def test_only_who_is_concerned_takes_a_decision_back(desk):
    approval_id = approved(desk)
    desk.use(approval_id)

    assert desk.revoke(approval_id, "per-abel").refused.startswith("only who asked or signed")
    assert desk.revoke(approval_id, "per-bram").state is ApprovalState.REVOKED
    assert desk.revoke(approval_id, "per-bram").refused == "it is revoked already"


def test_the_table_of_requests_is_made_of_events_and_of_nothing_else(desk):
    approved(desk)
    glass(desk, decision=waiver("7"))
    desk.reject(desk.ask(decision=waiver("8")).approval_id, "per-joko")
    ids = [event["subject_id"] for event in desk.events("approval_requested", "glass_broken")]
    before = [desk.row(one) for one in ids]

    with desk.ledger.write() as connection:
        rebuild(connection, (APPROVALS,))

    assert [desk.row(one) for one in ids] == before
