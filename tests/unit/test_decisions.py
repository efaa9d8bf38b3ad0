"""What can be asked for about a publication, and what the command line says about it."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import UsageRefused
from orchestration.core.work.approval_states import ApprovalState
from orchestration.ledger.approval_asking import Request
from orchestration.ledger.approval_base import Account
from orchestration.ledger.approval_desk import ApprovalDesk, StepRefused, list_approvals
from orchestration.ledger.store import open_ledger
from orchestration.reading.decisions import closed_by, newest_version, propose
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse.reader import Published
from tests.faults.approval_desk import NOON, WHY, Desk, ledger_url, waiver

MODEL = load_operating_model(PROJECT_ROOT / "seeds")
DAY = date(2026, 7, 1)
MARTS = """
    create schema marts;
    create table marts.fct_orders as select * from (values
        ('rk_1', 'O-1', 'main', 'cu-1', 'tier_2', 'USD', 3),
        ('rk_2', 'O-2', 'main', null, null, 'EUR', 1)
    ) t(recon_key, order_id, tenant, customer_id, customer_tier, currency_code, version_no);
    create table marts.fct_gate_results as select * from (values
        ('rk_1', 'GATE_PRICE', 'fail', 2, 'the book', '5 off'),
        ('rk_1', 'GATE_DATES', 'pass', 1, 'in order', 'in order')
    ) t(recon_key, gate_code, result_code, rule_version, expected_value, actual_value);
    create table marts.fct_exceptions as select * from (values
        ('ex_a', 'GATE_PRICE', '', 'rk_1', null, 'USD', 40.0000, 'Too dear.', null),
        ('ex_b', 'PAY_SHORT', 'payment', 'rk_1', 'mt_1', 'USD', 12.5000, 'Short.',
         '{"expected_amount":"100.0000","actual_amount":"87.5000","variance_amount":"-12.5000"}'),
        ('ex_c', 'FUL_SHORT', 'fulfilment', 'rk_1', 'mt_2', 'USD', 5.0000, 'One short.', '{}'),
        ('ex_d', 'FUL_SHORT', 'fulfilment', 'rk_1', 'mt_3', 'USD', 6.0000, 'Two short.', '{}')
    ) t(exception_id, exception_code, leg_code, recon_key, match_id, currency_code, leak_amount,
        explanation, evidence);
    alter table marts.fct_exceptions add column native_ref varchar;
    alter table marts.fct_exceptions add column tenant varchar default 'main';
    insert into marts.fct_exceptions by name
    select * from (values
        ('ex_k', 'KEY_MISMATCH_OVERRIDE', 'P-7'), ('ex_v', 'CTL_OVERRIDE', 'P-8'),
        ('ex_w', 'CTL_OVERRIDE', 'P-9'), ('ex_x', 'CTL_OVERRIDE', 'ap_decided_here')
    ) t(exception_id, exception_code, native_ref), (
        select '' as leg_code, 'rk_2' as recon_key, 'EUR' as currency_code,
            7.0000 as leak_amount, 'By hand.' as explanation
    );
    insert into marts.fct_exceptions by name
    select
        'ex_b1' as exception_id, 'BNK_AMOUNT' as exception_code, 'bank' as leg_code,
        'mt_b' as match_id, 'GBP' as currency_code, 3.0000 as leak_amount, 'SB-1' as native_ref,
        'Three short.' as explanation, 'main' as tenant,
        '{"expected_amount":"50.0000","actual_amount":"47.0000","variance_amount":"-3.0000"}'
            as evidence;
"""


@pytest.fixture
def published() -> Published:
    """A publication of two orders, one with differences."""
    connection = duckdb.connect()
    connection.execute(MARTS)
    tables = dict.fromkeys(("fct_orders", "fct_gate_results", "fct_exceptions"), 1)
    return Published(
        Path("run_1"), 1, "run_1", datetime(2026, 7, 1, tzinfo=UTC), tables, connection
    )


def test_a_waiver_is_of_the_very_failure_that_is_published(published):
    proposal = propose(published, MODEL, "gate_waiver", "O-1", "gate_price", DAY)

    decision = proposal.decision
    assert (decision.recon_key, decision.order_version, decision.amount) == ("rk_1", 3, Decimal(40))
    assert decision.details["gate_code"] == "GATE_PRICE"
    assert decision.details["rule_version"] == 2
    assert decision.details["exception_ids"] == ["ex_a"]
    assert (proposal.accountable_role, proposal.customer_id) == ("sales", "cu-1")


def test_a_write_off_is_of_one_group_with_its_difference(published):
    decision = propose(published, MODEL, "write_off", "O-1", "payment", DAY).decision

    assert decision.amount == Decimal("12.5000")
    assert decision.details["match_id"] == "mt_1"
    assert decision.details["variance_amount"] == "-12.5000"


def test_a_leg_with_several_differences_has_to_be_named_by_one_of_them(published):
    with pytest.raises(UsageRefused, match=r"2 differences.*ex_c \(fulfilment\), ex_d"):
        propose(published, MODEL, "forced_match", "O-1", "fulfilment", DAY)

    decision = propose(published, MODEL, "forced_match", "O-1", "ex_d", DAY).decision
    assert decision.details["match_id"] == "mt_3"


def test_a_difference_is_the_same_whichever_way_it_is_closed(published):
    forced = propose(published, MODEL, "forced_match", "O-1", "ex_b", DAY)

    assert closed_by(forced, "write_off") == propose(
        published, MODEL, "write_off", "O-1", "ex_b", DAY
    )


@pytest.mark.parametrize("what", ["bank", "ex_b1"])
@pytest.mark.parametrize("kind", ["write_off", "forced_match"])
def test_rc4_a_difference_of_no_order_is_named_by_its_exception(published, kind, what):
    proposal = propose(published, MODEL, kind, "ex_b1", what, DAY)

    decision = proposal.decision
    assert (decision.recon_key, decision.order_version, decision.tenant) == (None, None, "main")
    assert (decision.amount, decision.currency_code) == (Decimal("3.0000"), "GBP")
    assert decision.details["order_id"] == "SB-1"
    assert (decision.details["match_id"], decision.details["variance_amount"]) == (
        "mt_b",
        "-3.0000",
    )
    assert decision.details["exception_ids"] == ["ex_b1"]
    assert (proposal.customer_id, proposal.tier_code) == (None, None)


@pytest.mark.parametrize(
    ("kind", "order", "what", "said"),
    [
        ("gate_waiver", "O-1", "GATE_DATES", "nothing to waive. Gates that hold it: GATE_PRICE"),
        ("gate_waiver", "O-2", "GATE_PRICE", "Gates that hold it: none"),
        ("write_off", "O-2", "payment", "names nothing that could be closed"),
        ("value_change", "O-2", "P-7", r"P-7 names no document whose value.*one of: P-8, P-9\."),
        ("value_change", "O-2", "ap_decided_here", "names no document whose value was changed"),
        ("key_override", "O-2", "P-8", r"P-8 names no document whose key.*one of: P-7\."),
        ("tea_break", "O-1", "payment", "cannot be asked for here"),
        ("write_off", "O-9", "payment", "No order goes by O-9"),
    ],
)
def test_what_is_not_there_cannot_be_decided(published, kind, order, what, said):
    with pytest.raises(UsageRefused, match=said):
        propose(published, MODEL, kind, order, what, DAY)


@pytest.mark.parametrize(
    ("kind", "what", "found"), [("key_override", "P-7", "ex_k"), ("value_change", "ex_w", "ex_w")]
)
def test_rc4_what_was_changed_by_hand_is_asked_for_as_that_very_change(
    published, kind, what, found
):
    proposal = propose(published, MODEL, kind, "O-2", what, DAY)

    assert proposal.decision.details["exception_id"] == found
    assert (proposal.decision.amount, proposal.accountable_role) == (Decimal(7), "finance")


def test_the_newest_version_is_the_published_one(published):
    assert newest_version(published, "rk_1") == 3
    assert newest_version(published, "rk_9") is None


def test_a_refusal_is_raised_in_words_once_it_is_on_record(published, tmp_path):
    proposal = propose(published, MODEL, "gate_waiver", "O-1", "GATE_PRICE", DAY)
    versions = {"rk_1": 3}
    with open_ledger(ledger_url(tmp_path)) as ledger:
        people = Desk(ledger)
        desk = ApprovalDesk(ledger, MODEL, lambda: NOON, versions.get)
        asked = Request(proposal.decision, "CUSTOMER_AGREED", WHY, "n1", "sales", "cu-1")
        outcome = desk.ask(asked, Account("per-ines"))
        with pytest.raises(
            StepRefused, match=r"requester cannot approve\. The attempt is on record"
        ):
            desk.sign(outcome.approval_id[:8], Account("per-ines"), WHY)
        with pytest.raises(StepRefused, match="what was shown is not what is asked for"):
            desk.sign(outcome.approval_id, Account("per-joko"), WHY, seen_hash="abc")
        versions["rk_1"] = 4
        with pytest.raises(StepRefused, match="version 3 of the order, which is at 4 now"):
            desk.sign(outcome.approval_id, Account("per-joko"), WHY)
        versions["rk_1"] = 3
        signed = desk.sign(outcome.approval_id, Account("per-joko"), WHY)
        with ledger.read() as connection:
            (row,) = list_approvals(connection, [ApprovalState.APPROVED], 10)

        assert signed.state is ApprovalState.APPROVED
        assert (row["signed_by"], row["wanting"]) == (["per-joko"], [])
        assert len(people.events("approval_refused")) == 3
        assert json.loads(json.dumps(row["decision"]))["details"]["order_id"] == "O-1"


def test_rc4_control_reviews_what_others_decided_and_nobody_reviews_their_own(tmp_path):
    with open_ledger(ledger_url(tmp_path)) as ledger:
        people = Desk(ledger)
        desk = ApprovalDesk(ledger, MODEL, lambda: NOON, lambda _: None)
        broken = people.ask(who="per-cleo", is_break_glass=True, reason_code="OUTAGE")
        code = "REVIEWED_SOUND"
        with pytest.raises(StepRefused, match="took part in it"):
            desk.review(broken.approval_id, Account("per-cleo"), code, WHY)
        with pytest.raises(StepRefused, match="internal control reviews"):
            desk.review(broken.approval_id, Account("per-rhea"), code, WHY)
        with pytest.raises(StepRefused, match="neither a request nor an alarm"):
            desk.review("ALARM-NONE", Account("per-bram"), code, WHY)

        assert desk.review(broken.approval_id, Account("per-bram"), code, WHY).refused is None
        (event,) = people.events("override_reviewed")
        assert (event["subject_type"], event["subject_id"]) == ("approval", broken.approval_id)


def test_rc4_an_alarm_is_reviewed_by_somebody_else_than_who_raised_it(tmp_path):
    with open_ledger(ledger_url(tmp_path)) as ledger:
        people = Desk(ledger)
        desk = ApprovalDesk(ledger, MODEL, lambda: NOON, lambda _: None)
        for number in range(2):
            people.ask(who="per-cleo", is_break_glass=True, reason_code="OUTAGE",
                       nonce=f"n{number}", decision=None if number else waiver("7"))  # fmt: skip
        key = "ALARM-GLASS/per-cleo/2026-07-01"
        with pytest.raises(StepRefused, match="took part in it"):
            desk.review(key, Account("per-cleo"), "REVIEWED_UNSOUND", WHY)

        desk.review(key, Account("per-bram"), "REVIEWED_UNSOUND", WHY)

        (event,) = people.events("override_reviewed")
        assert event["subject_type"] == "override_alarm"
