"""Signatures and samples: for all people, amounts, absences and orders of doing things."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.policies.records import Absence
from orchestration.core.policies.rows import ACTIONS, SIGNED_ACTIONS
from orchestration.core.work.people import Person, Staff
from orchestration.core.work.sampling import HandDecision, NoSamplingRule, draw
from orchestration.core.work.signing import (
    Asked,
    Signature,
    is_signed,
    place_for,
    required_signers,
)
from orchestration.settings import PROJECT_ROOT

MODEL = load_operating_model(PROJECT_ROOT / "seeds")
DAY = date(2026, 7, 1)
ROLES = sorted(MODEL.roles)
AMOUNTS = st.decimals("0", "1000000", places=2)
IDS = [f"p{number}" for number in range(8)]


@st.composite
def staffs(draw) -> Staff:
    people = [
        Person(
            person_id,
            draw(st.sampled_from(ROLES)),
            draw(st.sampled_from([None, *IDS])),
            draw(st.sampled_from([None, Decimal(1000), Decimal(1000000)])),
            "USD",
            draw(st.booleans()),
        )
        for person_id in IDS
    ]
    pairs = draw(st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), max_size=4))
    return Staff.of(
        people,
        [
            Absence(person_id=one, from_on=DAY, to_on=DAY, deputy_id=other)
            for one, other in pairs
            if one != other
        ],
    )


@st.composite
def asks(draw) -> Asked:
    return Asked(
        draw(st.sampled_from(SIGNED_ACTIONS)),
        draw(st.sampled_from(ROLES)),
        draw(st.sampled_from([None, "tier_1", "tier_2"])),
        draw(st.sampled_from(["USD", "JPY", "KWD"])),
        draw(AMOUNTS),
        draw(st.sampled_from(ROLES)),
        draw(AMOUNTS),
    )


@given(staffs(), asks(), st.sampled_from(IDS), st.permutations(IDS))
def test_rc1_whatever_is_signed_is_signed_by_enough_others_with_authority(
    staff, asked, requester, order
):
    required = required_signers(MODEL, asked, DAY)
    signatures: list[Signature] = []
    for person_id in (*order, *order):
        place = place_for(
            staff.people[person_id], required, signatures, requester, staff, MODEL, DAY
        )
        if isinstance(place, Signature):
            signatures.append(place)

    signers = [one.person_id for one in signatures]
    holders = [staff.people[one.for_person_id] for one in signatures]
    assert requester not in signers
    assert requester not in {one.for_person_id for one in signatures}
    assert len(set(signers)) == len(signers)
    assert len({one.person_id for one in holders}) == len(holders)
    assert all(staff.people[one].is_active for one in signers)
    assert [one.role for one in holders] == [one.role for one in signatures]
    for one, holder in zip(signatures, holders, strict=True):
        assert one.person_id == holder.person_id or staff.is_away(holder.person_id, DAY)
        bound = MODEL.roles[holder.role].is_limit_bound and required.risk_amount > 0
        assert not bound or (holder.approval_limit or 0) >= required.risk_amount
    if is_signed(required, signatures):
        assert {one.role for one in signatures} >= set(required.roles)
        assert len(signatures) >= required.least_signers


@given(asks(), AMOUNTS)
def test_more_money_never_needs_fewer_signatures(asked, more):
    low = required_signers(MODEL, asked, DAY)
    larger = Asked(
        asked.action_code, asked.requester_role, asked.tier_code, asked.currency_code,
        asked.amount + more, asked.accountable_role, asked.earlier_amount,
    )  # fmt: skip
    high = required_signers(MODEL, larger, DAY)

    assert high.least_signers >= low.least_signers
    assert len(high.roles) >= len(low.roles) or high.least_signers > low.least_signers


@given(asks(), st.lists(AMOUNTS, min_size=1, max_size=6))
def test_d6_parts_asked_for_one_after_the_other_need_what_the_whole_needs(asked, parts):
    whole = Asked(
        asked.action_code, asked.requester_role, asked.tier_code, "USD", sum(parts, Decimal(0)),
        asked.accountable_role,
    )  # fmt: skip
    earlier = sum((MODEL.risk_amount(part, "USD") for part in parts[:-1]), Decimal(0))
    last = Asked(
        asked.action_code, asked.requester_role, asked.tier_code, "USD", parts[-1],
        asked.accountable_role, earlier,
    )  # fmt: skip

    assert required_signers(MODEL, last, DAY) == required_signers(MODEL, whole, DAY)


def test_the_bands_of_the_policy_hold_at_their_edges():
    def roles(amount: str, currency: str = "USD", tier: str | None = None) -> tuple[str, ...]:
        asked = Asked("gate_waiver", "sales", tier, currency, Decimal(amount), "sales")
        return required_signers(MODEL, asked, DAY).roles

    assert roles("999.99") == ("sales",)
    assert roles("-1000.00") == ("finance", "sales")
    assert roles("25000") == ("control", "finance", "sales")
    assert roles("99999", "JPY") == ("sales",)
    assert roles("100000", "JPY") == ("finance", "sales")
    assert roles("1", tier="tier_1") == ("finance", "sales")


DECISIONS = st.lists(
    st.builds(
        HandDecision,
        st.integers(0, 500).map(lambda number: f"ap_{number}"),
        st.sampled_from(ACTIONS),
        st.sampled_from(["per-a", "per-b", "per-c"]),
        st.decimals("0", "5000", places=2),
        st.dates(date(2026, 1, 1), date(2026, 3, 31)),
    ),
    max_size=80,
    unique_by=lambda one: one.decision_id,
)


@given(DECISIONS, st.text(max_size=8), st.randoms())
def test_rc4_a_draw_is_the_same_whoever_repeats_it_in_whatever_order(decisions, seed, random):
    shuffled = list(decisions)
    random.shuffle(shuffled)

    assert draw(decisions, MODEL.sampling, seed) == draw(shuffled, MODEL.sampling[::-1], seed)


@given(DECISIONS, st.text(max_size=8))
def test_rc4_everybody_is_drawn_at_least_once_a_month_and_no_more_than_the_rate_and_one(
    decisions, seed
):
    drawn = {one.decision_id for one in draw(decisions, MODEL.sampling, seed)}
    owed = {(one.person_id, one.action_code, one.decided_on.month) for one in decisions}
    met = {
        (one.person_id, one.action_code, one.decided_on.month)
        for one in decisions
        if one.decision_id in drawn
    }

    assert met == owed
    assert all(
        one.decision_id in drawn
        for one in decisions
        if one.action_code in {"key_override", "rule_release"}
    )


def test_rc4_the_share_of_a_large_stratum_is_that_of_the_rule_and_the_seed_decides_which():
    many = [HandDecision(f"ap_{n}", "forced_match", "per-a", Decimal(5), DAY) for n in range(1000)]

    one, other = (draw(many, MODEL.sampling, seed) for seed in ("a", "b"))

    assert len(one) == len(other) == 200
    assert one != other


def test_a_decision_in_no_stratum_is_an_error_and_not_forgotten():
    odd = HandDecision("ap_1", "forced_match", "per-a", Decimal(5), DAY)

    with pytest.raises(NoSamplingRule, match=r"sampling\.csv"):
        draw([odd], [], "a")


def test_a_deputy_does_not_lend_the_authority_of_who_asked():
    people = [Person("asker", "finance", None, Decimal(10**6), "USD"),
              Person("friend", "sales", None, Decimal(10**6), "USD")]  # fmt: skip
    absence = Absence(person_id="asker", from_on=DAY, to_on=DAY, deputy_id="friend")
    staff = Staff.of(people, [absence])
    asked = Asked("write_off", "finance", None, "USD", Decimal(50), "finance")
    required = required_signers(MODEL, asked, DAY)

    answer = place_for(people[1], required, [], "asker", staff, MODEL, DAY)

    assert answer == "friend stands for asker, who asked for it"
