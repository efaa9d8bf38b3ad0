"""R-C1 and R-C4 from end to end: what others approved holds in the next run, nothing else does."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.ledger.approval_base import Account
from orchestration.ledger.store import open_ledger
from orchestration.ledger.waiting import waiting_approvals
from orchestration.reading.decisions import propose
from orchestration.reading.exceptions import Among, list_exceptions
from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published
from tests.integration.deciding import NOON, desk_on, land_and_run, request_of
from tests.integration.run_homes import meshline

FIRST, SECOND = "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"
DECIDED = NOON.isoformat()
WHY = "The customer agreed to it in writing."
FILES = {
    "people": """person_id,name,email,role,manager_id,approval_limit,currency
per-ines,Ines,ines@example.com,sales,,250000,USD
per-abel,Abel,abel@example.com,finance,,250000,USD
per-rhea,Rhea,rhea@example.com,finance,,250000,USD
""",
    "contracts": """contract_id,customer_id,start_on,end_on,payment_terms,currency
K-1,C-1,2026-01-01,2027-01-01,net_30,EUR
""",
    "orders": """order_id,order_type,customer_id,contract_id,currency,ordered_at,payment_terms,\
total_amount
O-waived,new,C-1,K-1,EUR,2026-03-02T10:00:00Z,net_60,100.00
O-held,new,C-1,K-1,EUR,2026-03-02T10:00:00Z,net_60,100.00
O-written-off,new,C-1,,EUR,2026-03-02T10:00:00Z,net_30,100.00
O-revoked,new,C-1,,EUR,2026-03-02T10:00:00Z,net_30,100.00
O-unsigned,new,C-1,,EUR,2026-03-02T10:00:00Z,net_30,100.00
""",
    "payments": """payment_id,kind,order_ref,amount,currency,occurred_at
P-1,capture,O-waived,100.00,EUR,2026-03-20T10:00:00Z
P-2,capture,O-held,100.00,EUR,2026-03-20T10:00:00Z
P-3,capture,O-written-off,90.00,EUR,2026-03-20T10:00:00Z
P-4,capture,O-revoked,90.00,EUR,2026-03-20T10:00:00Z
P-5,capture,O-unsigned,90.00,EUR,2026-03-20T10:00:00Z
""",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home after a run, decisions of people, and another run."""
    home = tmp_path_factory.mktemp("decisions") / "home"
    land_and_run(home, FILES, FIRST)
    decide(home)
    land_and_run(home, {}, SECOND)
    return home


def decide(home: Path) -> None:
    """What people do between the two runs."""
    settings = load_settings(home=home)
    model = load_operating_model(settings.seeds)
    with open_published(settings) as published, open_ledger(settings.ledger_database) as ledger:
        desk = desk_on(ledger, model, published)

        def ask(kind: str, order: str, what: str, code: str) -> str:
            proposal = propose(published, model, kind, order, what, NOON.date())
            return str(desk.ask(*request_of(proposal, order, WHY, code, "per-ines")).approval_id)

        waived = ask("gate_waiver", "O-waived", "GATE_TERMS", "CUSTOMER_AGREED")
        written_off = ask("write_off", "O-written-off", "payment", "BANK_CHARGES")
        revoked = ask("forced_match", "O-revoked", "payment", "BANK_CHARGES")
        ask("write_off", "O-unsigned", "payment", "BANK_CHARGES")
        for one in (waived, written_off, revoked):
            desk.sign(one, Account("per-abel"), WHY)
        desk.revoke(revoked, Account("per-ines"), "MADE_IN_ERROR", WHY)


def rows(home: Path, sql: str) -> dict[Any, Any]:
    """The rows of a query over what is published: the first column to the others."""
    with open_published(load_settings(home=home)) as published:
        found = [tuple(row.values()) for row in published.rows(sql)]
    return {row[0]: row[1] if len(row) == 2 else row[1:] for row in found}


def test_rc1_a_waiver_that_others_signed_lets_the_order_go_and_no_other(home):
    results = rows(
        home,
        "select order_id, result_code from marts.fct_gate_results "
        "inner join marts.fct_orders using (recon_key) where gate_code = 'GATE_TERMS'",
    )
    states = rows(home, "select order_id, state_code from marts.fct_orders")

    assert (results["O-waived"], results["O-held"]) == ("waived", "fail")
    assert (states["O-waived"], states["O-held"]) == ("reconciled", "held_by_gate")


@pytest.mark.parametrize(("moment", "run_no"), [("2026-07-01T12:00:00Z", 1), (SECOND, 2)])
def test_rb5_a_past_moment_is_built_again_with_the_decisions_of_then_and_no_later_ones(
    home, moment, run_no
):
    said = meshline("replay", "--home", home, "--as-of", moment, "--json")
    assert said.exit_code == 0, said.stdout + said.stderr
    assert (said.document["run_no"], said.document["differences"]) == (run_no, [])


def test_rc4_a_write_off_closes_its_difference_and_what_nobody_signed_or_was_revoked_does_not(home):
    legs = rows(
        home,
        "select order_id, status_code, match_kind, open_amount, fct_order_legs.residual_amount "
        "from marts.fct_order_legs inner join marts.fct_orders using (recon_key) "
        "where leg_code = 'payment'",
    )

    assert legs["O-written-off"][:2] == ("matched", "manual")
    assert [f"{amount:f}" for amount in legs["O-written-off"][2:]] == ["0.0000", "10.0000"]
    for order in ("O-revoked", "O-unsigned"):
        assert legs[order][:2] == ("exception", "none")
        assert f"{legs[order][2]:f}" == "10.0000"


def test_rc4_every_decision_in_force_has_a_control_exception_until_it_is_reviewed(home):
    found = rows(
        home,
        "select order_id, exception_code from marts.fct_exceptions "
        "inner join marts.fct_orders using (recon_key) where exception_code = 'CTL_OVERRIDE'",
    )

    assert set(found) == {"O-waived", "O-written-off"}


def test_rc4_the_match_says_who_closed_it(home):
    found = rows(
        home,
        "select order_id, fct_matches.rule_id, fct_matches.explanation, fct_matches.match_kind "
        "from marts.fct_matches inner join marts.fct_orders using (recon_key) "
        "where leg_code = 'payment'",
    )

    rule_id, explanation, kind = found["O-written-off"]
    assert rule_id.startswith("ap_")
    assert explanation == f"Decided by hand ({rule_id}): {WHY}"
    assert kind == "manual"


def test_rc4_what_nobody_has_signed_yet_waits_until_it_can_be_signed_no_more(home):
    settings = load_settings(home=home)
    with open_published(settings) as published:
        (unsigned,) = published.rows(
            "select exception_id from marts.fct_exceptions "
            "where native_ref = 'O-unsigned' and leg_code = 'payment'"
        )
        waiting = waiting_approvals(settings.ledger_database, NOON)
        assert waiting.keys() == {unsigned["exception_id"]}
        chosen = [
            list_exceptions(published, {}, 100, Among(waiting.keys(), is_in)).found
            for is_in in (True, False)
        ]
        assert chosen == [1, list_exceptions(published, {}, 1).found - 1]
        assert list_exceptions(published, {}, 1, Among((), is_in=True)).found == 0
    (request,) = waiting[unsigned["exception_id"]]
    assert request.startswith("ap_")
    assert waiting_approvals(settings.ledger_database, NOON + timedelta(days=60)) == {}
