"""R-C1, R-C4: what one asks for in the console and others sign holds in the next run."""

import re
from datetime import UTC, datetime

import pytest

from tests.console.people import open_console, password_hash, post, sign_in, text_of
from tests.integration.deciding import land_and_run

FIRST = "2026-07-01T00:00:00Z"
WHY = "The bank's statement and the contract show it."
SIGNERS = {"per-rhea": "finance", "per-ines": "sales", "per-kei": "control"}
PAYMENTS = "payment_id,kind,order_ref,amount,currency,occurred_at,updated_at"
AT = "2026-03-20T10:00:00Z"
FILES = {
    "people": """person_id,name,email,role,manager_id,approval_limit,currency
per-abel,Abel,abel@example.com,finance,,250000,EUR
per-rhea,Rhea,rhea@example.com,finance,,250000,EUR
per-ines,Ines,ines@example.com,sales,,250000,EUR
per-kei,Kei,kei@example.com,control,,250000,EUR
""",
    "contracts": """contract_id,customer_id,start_on,end_on,payment_terms,currency
K-1,C-1,2026-01-01,2027-01-01,net_30,EUR
""",
    "orders": """order_id,order_type,customer_id,contract_id,currency,ordered_at,payment_terms,\
total_amount
O-held,new,C-1,K-1,EUR,2026-03-02T10:00:00Z,net_60,100.00
O-short,new,C-1,,EUR,2026-03-02T10:00:00Z,net_30,100.00
O-from,new,C-1,,EUR,2026-03-02T10:00:00Z,net_30,100.00
O-to,new,C-1,,EUR,2026-03-02T10:00:00Z,net_30,100.00
O-changed,new,C-1,,EUR,2026-03-02T10:00:00Z,net_30,100.00
""",
    "payments": f"""{PAYMENTS}
P-held,capture,O-held,100.00,EUR,{AT},{AT}
P-short,capture,O-short,90.00,EUR,{AT},{AT}
P-moved,capture,O-from,100.00,EUR,{AT},{AT}
P-changed,capture,O-changed,90.00,EUR,{AT},{AT}
""",
    # A day later: one names another order, one has another amount under the stamp that it had.
    "payments_1": f"""{PAYMENTS}
P-moved,capture,O-to,100.00,EUR,{AT},2026-03-21T10:00:00Z
P-changed,capture,O-changed,100.00,EUR,{AT},{AT}
""",
    "settlement_batches": """batch_id,provider,currency,closed_at,net_amount,payout_on,trace_id,\
status,updated_at
STL-1,girohub,EUR,2026-03-21T00:00:00Z,85.00,2026-03-23,TRC1,paid,2026-03-21T00:00:00Z
""",
    "settlement_lines": """batch_id,line_no,type,payment_ref,order_ref,gross_amount,fee_amount,\
fee_tax_amount,net_amount,currency,posted_at,updated_at
STL-1,1,payment,P-short,O-short,90.00,0.00,0.00,90.00,EUR,2026-03-21T00:00:00Z,2026-03-21T00:00:00Z
""",
    "bank_lines": """account_id,line_id,value_on,amount,currency,reference,counterparty,updated_at
BANK-EUR,BNK-1,2026-03-23,82.50,EUR,PAYOUT TRC1,girohub,2026-03-23T00:00:00Z
""",
}
# What is asked for, where (class, order), and the reason.
ASKED = {
    "gate_waiver": ("GATE_TERMS", "O-held", "CUSTOMER_AGREED"),
    "forced_match": ("PAY_SHORT", "O-short", "DISPUTE_SETTLED"),
    "key_override": ("KEY_MISMATCH_OVERRIDE", "O-to", "TYPING_ERROR"),
    "value_change": ("CTL_OVERRIDE", "O-changed", "SOURCE_WRONG"),
    "request": (None, None, "BANK_CHARGES"),
}
FOUND = """
    select exception_id, exception_code, match_id from marts.fct_exceptions
    left join marts.fct_orders using (recon_key)
    where (? is null or exception_code = ?) and order_id is not distinct from ?
        and (? is not null or match_id is not null)
    order by exception_code, exception_id limit 1
"""


def published(console, sql: str, *values) -> list[dict]:
    with console.state.snapshots.pin() as one:
        return one.rows(sql, list(values))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home in which everything differs that can be asked about."""
    home = tmp_path_factory.mktemp("by_hand_end_to_end") / "home"
    land_and_run(home, FILES, FIRST)
    return home


@pytest.fixture(scope="module")
def console(home):
    """A console over it, with the people who ask and sign."""
    opened = open_console(home, with_people=False)
    for person, role in {"per-abel": "finance", **SIGNERS}.items():
        opened.state.store.add_account(
            f"{person}@example.com", person, "sales_leader" if role == "sales" else role,
            person_id=person, password_hash=password_hash(),
        )  # fmt: skip
    yield opened
    opened.close()


def browser(console, person: str):
    client = console.visitor()
    sign_in(client, f"{person}@example.com", "a sentence nobody guesses")
    return client


@pytest.fixture(scope="module")
def approvals(console) -> dict[str, dict]:
    """Everything of `ASKED`, asked for on the pages and signed there by whoever has to."""
    abel = browser(console, "per-abel")
    for action, (code, order, reason_code) in ASKED.items():
        (row,) = published(console, FOUND, code, code, order, code)
        path = f"/exceptions/{row['exception_id']}"
        page = abel.get(path).text
        assert f'value="{action}"' in page, (action, row)
        nonce = re.search(r'name="nonce" value="(\w+)"', page)[1]
        answer = post(abel, path, path, action=action, code=reason_code, reason=WHY, nonce=nonce)
        assert answer.headers.get("location") == "/approvals", text_of(answer.text)
        # The same press of the button once more is the same request.
        again = post(abel, path, path, action=action, code=reason_code, reason=WHY, nonce=nonce)
        assert again.status_code == 303
    for one in console.state.desk.approvals():
        own = post(
            abel, f"/approvals/{one['approval_id']}", action="sign", reason=WHY, nonce="own",
            payload_hash=one["payload_hash"],
        )  # fmt: skip
        assert own.status_code == 409
        for person in SIGNERS:
            post(
                browser(console, person), f"/approvals/{one['approval_id']}", action="sign",
                payload_hash=one["payload_hash"], nonce=person, reason=WHY,
            )  # fmt: skip
    found = {one["action_code"]: one for one in console.state.desk.approvals()}
    assert len(found) == len(console.state.desk.approvals()) == len(ASKED)
    return found


def test_rc4_every_kind_is_asked_for_on_the_page_and_signed_by_others(approvals):
    assert {kind: one["state_code"] for kind, one in approvals.items()} == dict.fromkeys(
        ("gate_waiver", "forced_match", "key_override", "value_change", "write_off"), "approved"
    )
    batch = approvals["write_off"]
    assert (batch["recon_key"], batch["order_version"]) == (None, None)
    for one in approvals.values():
        assert all(each["by"] != "per-abel" for each in one["signatures"])


def test_rc4_what_was_signed_holds_in_the_next_run_and_is_reviewed_in_the_console(
    console, home, approvals
):
    batch = approvals["write_off"]["decision"]["details"]
    land_and_run(home, {}, datetime.now(UTC).isoformat())
    gates = published(
        console, "select order_id, result_code from marts.fct_gate_results "
        "inner join marts.fct_orders using (recon_key) where gate_code = 'GATE_TERMS'"
    )  # fmt: skip
    assert ("O-held", "waived") in {(row["order_id"], row["result_code"]) for row in gates}
    matches = {
        row["match_id"]: row["match_kind"]
        for row in published(console, "select match_id, match_kind from marts.fct_matches")
    }
    forced = approvals["forced_match"]["decision"]["details"]["match_id"]
    assert (matches[forced], matches[batch["match_id"]]) == ("forced", "manual")
    left = {
        row["exception_id"]
        for row in published(console, "select exception_id from marts.fct_exceptions")
    }
    for one in approvals.values():
        assert not left & set(one["decision"]["details"]["exception_ids"]), one["action_code"]

    # Each is now a ticket of internal control, the write-off of no order too.
    told = published(
        console, "select exception_id, native_ref from marts.fct_exceptions "
        "where exception_code = 'CTL_OVERRIDE'"
    )  # fmt: skip
    pages = {row["native_ref"]: f"/exceptions/{row['exception_id']}" for row in told}
    assert {one["approval_id"] for one in approvals.values()} <= set(pages)
    path = pages[approvals["write_off"]["approval_id"]]
    kei, abel = browser(console, "per-kei"), browser(console, "per-abel")
    assert 'value="review"' not in abel.get(path).text
    assert post(abel, path, path, action="review").status_code == 403
    wrong = post(kei, path, path, action="review", code="X", reason="short")
    assert wrong.status_code == 409
    assert "2 fields need another look. Nothing was recorded." in text_of(wrong.text)


def test_rc4_control_reviews_what_it_took_no_part_in(console, home, approvals):
    """Runs after the next run above: a decision that control did not sign is reviewed by it."""
    kei = browser(console, "per-kei")
    signed = {
        one["approval_id"]
        for one in approvals.values()
        if any(each["by"] == "per-kei" for each in one["signatures"])
    }
    for row in published(
        console, "select exception_id, native_ref from marts.fct_exceptions "
        "where exception_code = 'CTL_OVERRIDE' and starts_with(native_ref, 'ap_')"
    ):  # fmt: skip
        path = f"/exceptions/{row['exception_id']}"
        answer = post(kei, path, path, action="review", code="REVIEWED_SOUND", reason=WHY)
        if row["native_ref"] in signed:
            assert answer.status_code == 409
            assert "took part in it" in answer.text
        else:
            assert answer.status_code == 303
            page = kei.get(path).text
            assert "Reviewed by Kei" in text_of(page)
            assert 'value="review"' not in page


def test_rc4_a_decision_in_force_is_taken_back_by_whom_it_concerns(console, approvals):
    abel, ines = browser(console, "per-abel"), browser(console, "per-ines")
    one = approvals["write_off"]["approval_id"]
    assert "Take it back" in abel.get("/approvals").text
    refused = post(
        ines, f"/approvals/{one}", "/settings", action="revoke", code="MADE_IN_ERROR", reason=WHY
    )
    assert refused.status_code in {404, 409}
    answer = post(abel, f"/approvals/{one}", action="revoke", code="MADE_IN_ERROR", reason=WHY)
    assert answer.status_code == 303
    assert console.state.desk.approval(one)["state_code"] == "revoked"
