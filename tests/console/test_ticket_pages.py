"""People's steps on tickets and approvals, and the trail that they leave (R-V2, R-O2, R-C1)."""

import re
from decimal import Decimal

import pytest
from sqlalchemy import select

from orchestration.ledger.outbox_tables import target_health
from orchestration.ledger.store import open_ledger
from orchestration.ledger.tables import events
from tests.console.desks import open_desk
from tests.console.people import colleague, open_console, post, token_of
from tests.integration.run_homes import copy_home


@pytest.fixture(scope="module")
def desk(first_run, tmp_path_factory):
    """A console whose ledger has a ticket for each published exception."""
    console = open_desk(copy_home(first_run[0], tmp_path_factory.mktemp("desk")))
    yield console
    console.close()


@pytest.fixture
def short(desk) -> str:
    """The page of a payment that is short."""
    with desk.state.snapshots.pin() as published:
        rows = published.rows(
            "select exception_id from marts.fct_exceptions "
            "where owner_role = 'finance' and leak_amount > 0 and recon_key is not null "
            "order by exception_id limit 1"
        )
    return f"/exceptions/{rows[0]['exception_id']}"


def seen_of(text: str) -> str:
    return re.search(r'name="seen" value="(\d+)"', text)[1]


def actions(desk) -> list[str]:
    with open_ledger(desk.state.config.settings.ledger_database) as ledger, ledger.read() as one:
        return list(one.execute(select(events.c.action).order_by(events.c.seq)).scalars())


def test_a_ticket_is_commented_given_away_resolved_and_taken_up_again(desk, short):
    finance = desk.client("finance")
    said = post(finance, short, short, action="comment", reason="Asked the <b>customer</b>.")
    assert said.status_code == 303
    page = finance.get(short).text
    assert "Asked the &lt;b&gt;customer&lt;/b&gt;." in page
    answer = post(
        finance, short, short, action="assign", person="per-rhea", reason="r", seen=seen_of(page)
    )
    assert answer.status_code == 303
    name = '<span class="person" title="per-rhea">Rhea Solano</span>'
    assert f"With <strong>{name}</strong>" in finance.get(short).text
    assert name in finance.get("/exceptions").text
    resolved = {"action": "resolve", "code": "EXPLAINED", "reason": "A credit note explains it."}
    page = finance.get(short).text
    assert post(finance, short, short, seen=seen_of(page), **resolved).status_code == 303
    assert "Resolved" in finance.get(short).text
    reopened = {"action": "reopen", "code": "NOT_FIXED", "reason": "The credit note was void."}
    page = finance.get(short).text
    assert post(finance, short, short, seen=seen_of(page), **reopened).status_code == 303
    assert actions(desk)[-4:] == [
        "ticket_commented", "ticket_assigned", "ticket_resolved", "ticket_reopened"
    ]  # fmt: skip


def test_a_comment_is_said_once_however_often_the_button_is_pressed(desk, short):
    finance = desk.client("finance")
    said = {"action": "comment", "reason": "=1+1 <script>\u202e asked again."}
    seen = seen_of(finance.get(short).text)
    for _ in range(3):
        assert post(finance, short, short, seen=seen, **said).status_code == 303
    page = finance.get(short).text
    assert page.count("=1+1 &lt;script&gt;") == 1
    assert "=1+1 <script>" not in page
    # Who looks anew and says the same again means it.
    assert post(finance, short, short, seen=seen_of(page), **said).status_code == 303
    assert finance.get(short).text.count("=1+1 &lt;script&gt;") == 2


def test_a_page_that_was_open_too_long_says_so_and_changes_nothing(desk, short):
    before = actions(desk)
    answer = desk.client("finance").post(
        short, data={"_token": "0" * 64, "action": "comment", "reason": "From yesterday."}
    )
    assert answer.status_code == 403
    assert "Nothing was sent" in answer.text
    assert "Not for your role" not in answer.text
    assert actions(desk) == before


def test_of_two_who_act_at_once_the_second_is_told_what_changed(desk, short):
    first, second = desk.client("finance"), desk.client("finance")
    seen = seen_of(first.get(short).text)
    done = {"action": "resolve", "code": "EXPLAINED", "reason": "Explained by the contract.",
            "seen": seen}  # fmt: skip
    assert post(first, short, short, **done).status_code == 303
    answer = post(second, short, short, **done)
    assert answer.status_code == 409
    assert "changed since you looked at it" in answer.text
    assert "Explained by the contract." in answer.text


@pytest.mark.parametrize(
    ("role", "action", "status"),
    [
        ("sales_leader", "resolve", 403),
        ("control", "resolve", 403),
        ("administrator", "request", 403),
        ("administrator", "comment", 409),
        ("operations", "resolve", 409),
    ],
)
def test_who_may_not_is_refused_in_words(desk, short, role, action, status):
    client = desk.client(role)
    sees_it = client.get(short).status_code == 200
    answer = post(
        client, short, "/settings", action=action, code="EXPLAINED",
        reason="Long enough to be a reason.",
    )  # fmt: skip
    assert answer.status_code == (status if sees_it else 404)


def test_a_step_without_a_reason_or_with_nonsense_is_refused(desk, short):
    finance = desk.client("finance")
    for fields in (
        {"action": "comment", "reason": " "},
        {"action": "resolve", "code": "EXPLAINED", "reason": "short"},
        {"action": "resolve", "code": "NO_SUCH", "reason": "Long enough to be a reason."},
        {"action": "assign", "person": "per-dunya", "reason": "Not of finance at all."},
    ):
        assert post(finance, short, short, **fields).status_code == 409
    assert post(finance, short, short, action="nonsense").status_code == 403


def test_a_write_off_is_requested_by_one_and_signed_by_another(desk, short):
    operations, finance = desk.client("operations"), desk.client("finance")
    page = finance.get(short).text
    nonce = re.search(r'name="nonce" value="(\w+)"', page)[1]
    asked = post(
        finance, short, short, action="request", code="SMALL_BALANCE", nonce=nonce,
        reason="Collecting it costs more than it brings.",
    )  # fmt: skip
    assert asked.headers["location"] == "/approvals"
    page = finance.get("/approvals").text
    assert "You asked for this: others sign it." in page
    path = re.search(r'action="(/approvals/[^"]+)"', page)[1]
    approval = desk.state.desk.approval(path.rpartition("/")[2])
    # By these the next run finds the group that it closes, if it differs by that still.
    details = approval["decision"]["details"]
    assert details["match_id"]
    assert abs(Decimal(details["variance_amount"])) == approval["amount"]
    own = post(
        finance, path, "/settings", action="sign", payload_hash=approval["payload_hash"],
        nonce="n1", reason="Looked at the remittance.",
    )  # fmt: skip
    assert own.status_code == 409
    assert "the refusal is on record" in own.text
    signed = post(
        colleague(desk), path, "/approvals", action="sign", payload_hash=approval["payload_hash"],
        nonce="n2", reason="Looked at the remittance.",
    )  # fmt: skip
    assert signed.status_code == 303, signed.text
    assert desk.state.desk.approval(path.rpartition("/")[2])["state_code"] == "approved"
    assert operations.get("/approvals").status_code == 200


def test_the_trail_is_searched_taken_away_and_verified(desk):
    control = desk.client("control")
    page = control.get("/audit?action=ticket_opened&verify=1")
    assert page.status_code == 200
    assert "ticket opened" in page.text
    assert "The ledger is whole" in page.text
    text = control.get("/audit/export.csv").text
    assert text.splitlines()[0].startswith("seq,at,actor_id")
    assert len(text.splitlines()) > len(actions(desk))
    lines = control.get("/audit/export.jsonl?action=ticket_opened").text.splitlines()
    assert all('"ticket_opened"' in line for line in lines)


def test_a_leader_sees_the_trail_of_the_teams_orders_alone(desk):
    leader, control = desk.client("sales_leader"), desk.client("control")
    part = leader.get("/audit/export.jsonl").text.splitlines()
    whole = control.get("/audit/export.jsonl").text.splitlines()
    assert 0 < len(part) < len(whole)
    assert "Verify the chain" not in leader.get("/audit").text
    assert leader.get("/audit?verify=1").text.count("The ledger is") == 0


def test_mine_and_nobodys_are_counted_as_the_ledger_knows_now(desk, short):
    finance = desk.client("finance")
    page = finance.get(short).text
    post(finance, short, short, action="assign", person="per-abel", reason="r", seen=seen_of(page))
    mine = finance.get("/exceptions.csv?assignee=per-abel").text
    assert short.rpartition("/")[2] in mine
    assert short.rpartition("/")[2] not in finance.get("/exceptions.csv?assignee=nobody").text
    held = len(desk.state.desk.held_by("per-abel"))
    shown = re.search(r'Mine</span><span class="figure ">(\d+)<', finance.get("/exceptions").text)
    assert int(shown[1]) == held == len(mine.splitlines()) - 1


def test_without_a_ledger_the_pages_say_what_is_missing(first_run, tmp_path):
    home = copy_home(first_run[0], tmp_path)
    for left in home.glob("ledger.db*"):
        left.unlink()
    console = open_console(home)
    control = console.client("control")
    assert control.get("/exceptions?assignee=nobody").status_code == 200
    assert "Nothing is recorded yet" in control.get("/audit").text
    assert "Nothing waits for a signature" in control.get("/approvals").text
    assert token_of(control.get("/approvals").text)
    console.close()


def test_the_overview_says_whether_receivers_are_spoken_to(desk):
    with open_ledger(desk.state.config.settings.ledger_database) as ledger, ledger.write() as one:
        one.execute(
            target_health.insert().values(
                target_code="erp", rate_percent=100, breaker_state="open", recent_failures="[]",
                open_until="2026-06-10T12:30:00.000000Z", open_seconds=60, probes_out=0,
                usual_us=84_000, calls=12, failed_calls=5, slow_calls=0,
                last_error="503 <busy>",
            )
        )  # fmt: skip
    page = desk.client("finance").get("/overview").text
    assert "open until 10 Jun 2026 12:30" in page
    assert "503 &lt;busy&gt;" in page
    assert "84 ms" in page
    assert "Receivers" not in desk.client("sales").get("/overview").text
