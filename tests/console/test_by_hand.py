"""R-C4: values and matches by hand are asked for on the exception's page, and signed by others."""

import re
from html import unescape

import pytest

from console.by_hand import ACTIONS
from tests.console.desks import open_desk
from tests.console.people import colleague, post, text_of
from tests.integration.run_homes import copy_home

WHY = "The bank's statement shows it."


@pytest.fixture(scope="module")
def desk(first_run, tmp_path_factory):
    """A console whose ledger has a ticket for each published exception."""
    console = open_desk(copy_home(first_run[0], tmp_path_factory.mktemp("by_hand")))
    yield console
    console.close()


def path_of(console, code: str, order: str | None) -> str:
    with console.state.snapshots.pin() as published:
        (row,) = published.rows(
            "select exception_id from marts.fct_exceptions "
            "left join marts.fct_orders using (recon_key) "
            "where exception_code = ? and (order_id = ? or (? is null and order_id is null)) "
            "limit 1",
            [code, order, order],
        )
    return f"/exceptions/{row['exception_id']}"


def nonce_of(page: str) -> str:
    return re.search(r'name="nonce" value="(\w+)"', page)[1]


def test_a_value_is_asked_for_by_one_and_signed_by_another(desk):
    finance = desk.client("finance")
    path = path_of(desk, "PAY_SHORT", "GD-1027")
    page = finance.get(path).text
    document = re.search(r'<option value="(GD-1027-P[^"]*)"', page)[1]
    asked = post(
        finance, path, path, action="value_override", document=document, value_code="amount",
        value="230.56", code="SOURCE_WRONG", reason=WHY, nonce=nonce_of(page),
    )  # fmt: skip
    assert asked.headers["location"] == "/approvals"
    (approval,) = [
        one for one in desk.state.desk.approvals() if one["action_code"] == "value_override"
    ]
    details = approval["decision"]["details"]
    assert (details["stated_value"], details["decided_value"]) == ("138.3400", "230.5600")
    assert details["exception_ids"] == [path.rpartition("/")[2]]
    assert approval["requester_id"] == "per-abel"
    # On both pages, in words; and signed by somebody else it is approved.
    assert "Value override" in text_of(finance.get(path).text)
    assert "Decided value 230.56 EUR" in text_of(finance.get("/approvals").text)
    signed = post(
        colleague(desk), f"/approvals/{approval['approval_id']}", "/approvals", action="sign",
        payload_hash=approval["payload_hash"], nonce="s", reason="Looked at the statement.",
    )  # fmt: skip
    assert signed.status_code == 303, signed.text
    assert desk.state.desk.approval(approval["approval_id"])["state_code"] == "approved"
    assert "signed by Rhea Solano" in text_of(finance.get(path).text)


def test_a_document_that_names_no_order_is_matched_with_one_from_either_page(desk):
    finance = desk.client("finance")
    missing, loose = path_of(desk, "PAY_MISSING", "GD-1039"), path_of(desk, "PAY_UNAPPLIED", None)
    # Another currency: it is not offered, and typing it is refused in words.
    refused = post(
        finance, missing, missing, action="manual_match", members=loose.rpartition("/")[2],
        code="REMITTANCE_SHOWN", reason=WHY, nonce="m1",
    )  # fmt: skip
    assert refused.status_code == 409
    assert "a group has one currency" in refused.text
    euro = path_of(desk, "PAY_MISSING", "MP-5055")
    page = finance.get(euro).text
    offered = re.findall(r'name="with_(ex_\w+)"', page)
    assert loose.rpartition("/")[2] in offered
    asked = post(
        finance, euro, euro, action="manual_match", code="REMITTANCE_SHOWN", reason=WHY,
        nonce=nonce_of(page), **{f"with_{loose.rpartition('/')[2]}": "1"},
    )  # fmt: skip
    assert asked.headers["location"] == "/approvals"
    (approval,) = [
        one for one in desk.state.desk.approvals() if one["action_code"] == "manual_match"
    ]
    members = approval["decision"]["details"]["members"]
    assert {one["document_ref"] for one in members} == {"MP-5055", "MP-5037-P2"}
    # It is seen on the page of the document too, from which the same can be asked for.
    assert "Manual match" in text_of(finance.get(loose).text)
    again = post(
        finance, loose, loose, action="manual_match", members="MP-5055", code="REMITTANCE_SHOWN",
        reason=WHY, nonce="m2",
    )  # fmt: skip
    assert again.status_code == 409
    assert "already asks for exactly that" in again.text


def test_every_field_that_is_wrong_is_told_at_once_and_what_was_written_stays(desk):
    finance = desk.client("finance")
    path = path_of(desk, "PAY_SHORT", "SO-26003")
    answer = post(
        finance, path, path, action="value_override", document="NO-SUCH", value_code="amount",
        value="12,5 EUR", code="SMALL_BALANCE", reason="too <short>", nonce="w",
    )  # fmt: skip
    assert answer.status_code == 409
    text = unescape(answer.text)
    assert "4 fields need another look. Nothing was asked for." in text
    for told in (
        "Choose the document whose value is replaced.",
        "'12,5 EUR' is no amount; write it like 1234.50.",
        "Choose a reason of the list.",
        "Say why in at least 15 characters",
    ):
        assert told in text
    assert 'value="12,5 EUR"' in text
    assert "too &lt;short&gt;</textarea>" in answer.text
    assert answer.text.count('aria-invalid="true"') == 4
    empty = post(finance, path, path, action="manual_match", members=" ", code="", reason="")
    assert "3 fields need another look" in empty.text
    assert "Tick or name what belongs together with it." in empty.text
    assert not [
        one
        for one in desk.state.desk.approvals()
        if one["recon_key"] and "SO-26003" in str(one["decision"])
    ]


def test_what_no_run_could_close_is_not_written_off(desk):
    finance = desk.client("finance")
    loose = path_of(desk, "PAY_UNAPPLIED", None)
    assert 'value="request"' not in finance.get(loose).text
    answer = post(
        finance, loose, loose, action="request", code="SMALL_BALANCE", reason=WHY, nonce="w1"
    )
    assert answer.status_code == 409
    assert "Nothing here can be settled by a write off: no documents that were compared" in (
        answer.text
    )


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", ["control", "administrator", "platform"])
def test_who_may_not_request_is_refused_and_sees_no_form(desk, role, action):
    path = path_of(desk, "PAY_SHORT", "SO-26003")
    client = desk.client(role)
    page = client.get(path)
    assert f'value="{action}"' not in page.text
    answer = post(client, path, "/settings", action=action, code="SOURCE_WRONG", reason=WHY)
    assert answer.status_code == (403 if page.status_code == 200 else 404)


@pytest.mark.parametrize("action", ["gate_waiver", "key_override", "value_change"])
def test_what_is_not_open_on_the_page_is_not_asked_for(desk, action):
    finance = desk.client("finance")
    path = path_of(desk, "PAY_SHORT", "SO-26003")
    assert f'value="{action}"' not in finance.get(path).text
    code = desk.state.desk.reasons(action)[0][0]
    answer = post(finance, path, path, action=action, code=code, reason=WHY, nonce=action)
    assert answer.status_code == 409
    assert f"Nothing here can be settled by a {action.replace('_', ' ')}" in answer.text


@pytest.mark.parametrize("role", ["finance", "sales", "operations", "marketplace", "administrator"])
def test_who_may_not_review_is_refused(desk, role):
    client = desk.client(role)
    path = path_of(desk, "PAY_SHORT", "SO-26003")
    page = client.get(path)
    assert 'value="review"' not in page.text
    answer = post(client, path, "/settings", action="review", code="REVIEWED_SOUND", reason=WHY)
    assert answer.status_code == (403 if page.status_code == 200 else 404)


def test_nothing_of_others_is_matched_or_told_of(desk):
    sales = desk.client("sales")
    path = path_of(desk, "PAY_SHORT", "SO-26003")
    page = sales.get(path).text
    assert 'value="manual_match"' in page
    assert "with_ex_" not in page
    for other in ("SO-26010", "NO-SUCH"):
        answer = post(
            sales, path, path, action="manual_match", members=other, code="REMITTANCE_SHOWN",
            reason=WHY, nonce=f"o{other}",
        )  # fmt: skip
        assert answer.status_code == 409
        assert f"{other}: nothing that you may see goes by that." in answer.text
        assert "17917" not in answer.text


def test_who_the_ledger_would_refuse_sees_no_step_of_the_ticket(desk):
    path = path_of(desk, "PAY_SHORT", "SO-26003")
    for role, works in (("finance", True), ("control", True), ("sales", False)):
        page = desk.client(role).get(path).text
        assert ('value="comment"' in page) == works, role
        assert ('name="action" value="step"' in page) == works, role
        assert ("work on this ticket." in text_of(page)) != works, role
    answer = post(desk.client("sales"), path, path, action="comment", reason="Asked about it.")
    assert answer.status_code == 409
    assert "is of sales; it is for" in answer.text
