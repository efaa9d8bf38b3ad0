"""R-C4 from end to end: a value that was replaced, members that were put together, and no more."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import UsageRefused
from orchestration.ledger.approval_base import Account
from orchestration.ledger.store import open_ledger
from orchestration.reading.decisions import Extras, propose
from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published
from tests.integration.deciding import NOON, desk_on, land_and_run, request_of

FIRST, SECOND = "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"
WHY = "Seen on the receipt that the bank has sent."
ORDERS = """order_id,order_type,customer_id,currency,ordered_at,payment_terms,\
total_amount,updated_at
O-value,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-part,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-expected,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-amended,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-restated,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-alone,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,71.00,2026-03-02T10:00:00Z
O-left,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,33.00,2026-03-02T10:00:00Z
O-joint-1,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,60.00,2026-03-02T10:00:00Z
O-joint-2,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,40.00,2026-03-02T10:00:00Z
O-untouched,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-changed,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-again,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
O-unsigned,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,100.00,2026-03-02T10:00:00Z
"""
PAYMENTS = """payment_id,kind,order_ref,amount,currency,occurred_at,updated_at
P-value,capture,O-value,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-part,capture,O-part,80.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-expected,capture,O-expected,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-amended,capture,O-amended,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-restated,capture,O-restated,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-alone,capture,lost-1,71.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-left,capture,lost-3,30.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-joint,capture,lost-2,100.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-untouched,capture,O-untouched,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-changed,capture,O-changed,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-again,capture,O-again,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-unsigned,capture,O-unsigned,90.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
"""
# The same documents a day later, with other amounts under the stamps that they had.
CHANGED = """payment_id,kind,order_ref,amount,currency,occurred_at,updated_at
P-changed,capture,O-changed,100.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-again,capture,O-again,100.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
P-unsigned,capture,O-unsigned,100.00,EUR,2026-03-20T10:00:00Z,2026-03-20T10:00:00Z
"""
PEOPLE = """person_id,name,email,role,manager_id,approval_limit,currency
per-ines,Ines,ines@example.com,sales,,250000,USD
per-abel,Abel,abel@example.com,finance,,250000,USD
per-rhea,Rhea,rhea@example.com,finance,,250000,USD
per-kei,Kei,kei@example.com,control,,250000,USD
"""
ASKED = (
    ("value_override", "O-value", "P-value", Extras("amount", "100.00")),
    ("value_override", "O-part", "P-part", Extras("amount", "95")),
    ("value_override", "O-expected", "O-expected", Extras("amount", "90.00")),
    ("value_override", "O-amended", "P-amended", Extras("amount", "100.00")),
    ("value_override", "O-restated", "P-restated", Extras("amount", "100.00")),
    ("manual_match", "O-alone", "payment", Extras(members=("P-alone",))),
    ("manual_match", "O-left", "payment", Extras(members=("P-left",))),
    ("manual_match", "O-joint-1", "payment", Extras(members=("O-joint-2", "P-joint"))),
    ("value_change", "O-changed", "P-changed", Extras()),
    ("value_change", "O-again", "P-again", Extras()),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home after a run, decisions of people, news that make two of them stale, and a run."""
    home = tmp_path_factory.mktemp("documents") / "home"
    documents = {"orders": ORDERS, "payments": PAYMENTS, "payments_1": CHANGED}
    land_and_run(home, {"people": PEOPLE, **documents}, FIRST)
    decide(home)
    news = {
        "orders_2": f"{ORDERS.splitlines()[0]}\nO-amended,new,C-1,EUR,2026-03-02T10:00:00Z,net_30,"
        "120.00,2026-07-01T18:00:00Z\n",
        "payments_2": f"{PAYMENTS.splitlines()[0]}\nP-restated,capture,O-restated,91.00,EUR,"
        "2026-03-20T10:00:00Z,2026-07-01T18:00:00Z\nP-again,capture,O-again,95.00,EUR,"
        "2026-03-20T10:00:00Z,2026-03-20T10:00:00Z\n",
    }
    land_and_run(home, news, SECOND)
    return home


def decide(home: Path) -> None:
    """What people do between the two runs; what cannot be asked for is refused in words."""
    settings = load_settings(home=home)
    model = load_operating_model(settings.seeds)
    with open_published(settings) as published, open_ledger(settings.ledger_database) as ledger:
        desk = desk_on(ledger, model, published)
        for kind, order, what, extras in ASKED:
            proposal = propose(published, model, kind, order, what, NOON.date(), extras)
            outcome = desk.ask(*request_of(proposal, order, WHY, "TYPING_ERROR", "per-ines"))
            # Control answers for what was changed outside; finance for what is compared.
            signer = "per-kei" if kind == "value_change" else "per-abel"
            desk.sign(str(outcome.approval_id), Account(signer), WHY)
        for others, said in (
            (("P-unknown",), "P-unknown names nothing that is open on the payment leg"),
            (("O-joint-2", "P-alone"), r"differ by -29\.0000: several orders"),
            (("O-joint-2",), "no document on the payment leg"),
        ):
            with pytest.raises(UsageRefused, match=said):
                propose(
                    published,
                    model,
                    "manual_match",
                    "O-joint-1",
                    "payment",
                    NOON.date(),
                    Extras(members=others),
                )


def rows(home: Path, sql: str) -> dict[Any, Any]:
    """The rows of a query over what is published: the first column to the others."""
    with open_published(load_settings(home=home)) as published:
        found = [tuple(row.values()) for row in published.rows(sql)]
    return {row[0]: row[1:] for row in found}


@pytest.fixture(scope="module")
def legs(home) -> dict[Any, Any]:
    """How the payment leg of each order stands."""
    return rows(
        home,
        "select order_id, status_code, match_kind, open_amount from marts.fct_order_legs "
        "inner join marts.fct_orders using (recon_key) where leg_code = 'payment'",
    )


def test_rc4_an_approved_value_is_what_is_compared_and_the_document_keeps_its_own(home, legs):
    members = rows(
        home,
        "select native_id, allocated_amount, stated_amount, decided_by_id "
        "from marts.fct_match_members where decided_by_id is not null",
    )

    assert legs["O-value"][:2] == ("matched", "manual")
    assert legs["O-expected"][:2] == ("matched", "manual")
    assert set(members) == {"P-value", "P-part", "O-expected"}
    assert members["P-value"][:2] == (Decimal(100), Decimal(90))
    assert members["O-expected"][:2] == (Decimal(90), Decimal(100))


def test_rc4_what_a_value_does_not_close_is_told_with_the_value(home, legs):
    told = rows(
        home,
        "select order_id, explanation, fct_exceptions.leak_amount from marts.fct_exceptions "
        "inner join marts.fct_orders using (recon_key) where leg_code = 'payment'",
    )

    assert legs["O-part"] == ("exception", "none", Decimal(5))
    assert "P-part counts with 95.00 EUR instead of 80.00 (ap_" in told["O-part"][0]
    assert told["O-part"][1] == Decimal(5)


def test_rc4_a_newer_version_or_another_amount_ends_the_effect(home, legs):
    control = rows(
        home,
        "select order_id, explanation from marts.fct_exceptions "
        "inner join marts.fct_orders using (recon_key) where exception_code = 'CTL_OVERRIDE'",
    )

    assert legs["O-amended"] == ("exception", "none", Decimal(30))
    assert legs["O-restated"] == ("exception", "none", Decimal(9))
    assert legs["O-untouched"] == ("exception", "none", Decimal(10))
    for order in ("O-amended", "O-restated"):
        assert "It has no effect" in control[order][0]
    assert "P-value counts with 100.00 EUR instead of 90.00" in control["O-value"][0]
    assert "no effect" not in control["O-alone"][0]


def test_rc4_members_that_were_put_together_are_judged_as_one_group(home, legs):
    matches = rows(
        home,
        "select native_id, match_kind, fct_matches.status_code, fct_matches.explanation, "
        "fct_matches.rule_id from marts.fct_match_members "
        "inner join marts.fct_matches using (match_id) where side = 'actual'",
    )
    keys = rows(
        home,
        "select native_ref, exception_code from marts.fct_exceptions where recon_key is null",
    )

    assert legs["O-alone"][:2] == ("matched", "manual")
    assert legs["O-joint-1"][:2] == legs["O-joint-2"][:2] == ("matched", "manual")
    assert matches["P-joint"][:2] == ("manual", "matched")
    assert matches["P-joint"][2].startswith("Put together by hand (ap_")
    assert matches["P-joint"][3].startswith("ap_")
    assert not {"P-alone", "P-left", "P-joint"} & set(keys)
    assert legs["O-left"] == ("exception", "none", Decimal(3))


def test_rc4_a_value_changed_by_hand_is_held_until_that_very_value_is_approved(home):
    told = rows(
        home,
        "select native_ref, explanation, leak_amount from marts.fct_exceptions "
        "where exception_code = 'CTL_OVERRIDE' and not starts_with(native_ref, 'ap_')",
    )
    held = rows(
        home,
        "select order_id, fct_artifacts.status_code, hold_reason from marts.fct_artifacts "
        "inner join marts.fct_orders using (recon_key) where artifact_kind = 'invoice'",
    )

    assert set(told) == {"P-again", "P-unsigned"}
    assert "amount 95.00 instead of 90.00, under the stamp of 2026-03-20" in told["P-again"][0]
    assert told["P-unsigned"][1] == Decimal(10)
    for order in ("O-again", "O-unsigned"):
        assert held[order] == ("held", "Exception CTL_OVERRIDE is open.")
    assert held["O-changed"] == ("ready", None), "approved, and so is what is still to be reviewed"
    assert held["O-value"] == ("ready", None)


def test_rc4_each_value_that_was_changed_and_each_decision_about_one_has_a_ticket(home):
    tickets = rows(
        home,
        "select order_id, count(*) from marts.fct_exceptions "
        "inner join marts.fct_orders using (recon_key) where exception_code = 'CTL_OVERRIDE' "
        "and ticket_state_code in ('open', 'assigned') group by order_id",
    )

    assert (tickets["O-changed"], tickets["O-again"], tickets["O-unsigned"]) == ((1,), (2,), (1,))
