"""R-O2, R-V2, R-Q4: whole runs, their tickets, and what people do with them."""

import json
import sqlite3

import duckdb
import pytest

from tests.integration.run_homes import Said, meshline, reconcile_samples


def said(home, *arguments) -> Said:
    return meshline(*arguments, "--home", home)


def ledger(home, sql):
    with sqlite3.connect(home / "ledger.db") as connection:
        return connection.execute(sql).fetchall()


def published(home, sql):
    with duckdb.connect(str(home / "serving" / "current.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_exception_has_a_ticket_with_an_owner_and_the_run_is_signed(published_home):
    exceptions = published(
        published_home, "select exception_id from marts.fct_exceptions order by 1"
    )
    tickets = ledger(published_home, "select ticket_id from tickets order by 1")
    assert tickets == exceptions
    assert (
        ledger(published_home, "select count(*) from tickets where assignee_id is null")[0][0] == 0
    )
    assert published(published_home, "select count(*) from marts.ledger_heads") == [(1,)]
    assert said(published_home, "audit", "verify").exit_code == 0


def test_what_is_decided_reaches_the_marts_and_nothing_else_is_news(published_home):
    (ticket_id, has_it) = ledger(
        published_home, "select ticket_id, assignee_id from tickets where owner_role = 'finance'"
    )[0]
    other = ledger(
        published_home,
        f"select person_id from persons where role = 'finance' and person_id <> '{has_it}'",
    )[0][0]
    decided = said(
        published_home, "ticket", "assign", ticket_id, "--to", other, "--as", has_it,
        "--reason", "knows the customer",
    )  # fmt: skip
    assert decided.exit_code == 0, decided.stderr
    again = reconcile_samples(published_home, "--json")
    assert json.loads(again.stdout)["reasons"] == [
        "somebody decided something, or a receiver answered"
    ]
    assert published(
        published_home,
        "select assignee_id, ticket_state_code from marts.fct_exceptions "
        f"where exception_id = '{ticket_id}'",
    ) == [(other, "assigned")]
    actions = published(
        published_home,
        "select action_code, actor_id from marts.fct_audit_events "
        f"where subject_id = '{ticket_id}' order by event_seq",
    )
    assert actions == [("ticket_opened", "engine:run_1"), ("ticket_assigned", has_it)]
    assert json.loads(reconcile_samples(published_home, "--json").stdout)["status"] == "unchanged"
    assert said(published_home, "audit", "verify").exit_code == 0


def test_a_state_change_that_was_made_up_is_found(published_home):
    """Invariant 9: every change of state has its event."""
    path = (published_home / "serving" / "current.duckdb").resolve()
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update marts.fct_state_changes set to_code = 'void' where recon_key = "
            "(select min(recon_key) from marts.fct_state_changes)"
        )
    answer = said(published_home, "audit", "verify", "--json")
    assert answer.exit_code == 1
    assert "changes of state" in json.loads(answer.stdout)["findings"][0]["what"]


def test_a_ledger_that_was_put_back_from_a_backup_stops_the_next_run(published_home):
    """B13: nothing is published on top of a gap, and the check names it."""
    with sqlite3.connect(published_home / "ledger.db") as connection:
        for name in ("events_no_update", "events_no_delete", "events_in_order"):
            connection.execute(f"drop trigger {name}")
        last = connection.execute("select max(seq) from events").fetchone()[0]
        connection.execute("delete from events where seq > ?", [last - 5])
    answer = said(published_home, "audit", "verify", "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["first_bad_seq"]) == (1, last - 4)
    before = (published_home / "serving" / "current.json").read_text()
    stopped = reconcile_samples(published_home, "--full-refresh")
    assert stopped.exit_code == 1
    assert "restored from an old backup" in stopped.stderr
    assert (published_home / "serving" / "current.json").read_text() == before

    def accept(who: str) -> Said:
        return said(
            published_home, "audit", "accept-gap", "--as", who, "--reason", "no newer copy is left"
        )

    assert accept("per-abel").exit_code != 0
    assert "somebody else accepts it" in accept("per-kei").stdout
    assert accept("per-kei").exit_code != 0
    assert "The gap is accepted by per-kei and per-bram" in accept("per-bram").stdout
    assert "Nothing is lost" in accept("per-bram").stderr
    assert reconcile_samples(published_home).exit_code == 0
    answer = said(published_home, "audit", "verify", "--json")
    assert answer.exit_code == 0, answer.stdout
    assert "are lost; per-bram accepted that" in json.loads(answer.stdout)["gaps"][0]


def test_order_and_exception_show_their_ticket(published_home):
    ticket_id, recon_key = ledger(
        published_home, "select ticket_id, recon_key from tickets where recon_key is not null"
    )[0]
    order = said(published_home, "order", "show", recon_key)
    assert "Tickets" in order.stdout
    assert ticket_id[:12] in order.stdout
    assert "ticket_opened" in order.stdout
    one = said(published_home, "exceptions", "show", ticket_id, "--json")
    assert json.loads(one.stdout)["ticket"]["ticket_id"] == ticket_id
    assert "What to do" in said(published_home, "ticket", "show", ticket_id).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ticket", "resolve", "ex_none", "--code", "EXPLAINED"], "no ticket ex_none"),
        (["ticket", "assign", "ex_", "--to", "per-x"], "Several tickets begin with ex_"),
        (["audit", "erase", "per-nobody"], "no text about per-nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(published_home, arguments, told):
    answer = said(published_home, *arguments, "--as", "per-kei", "--reason", "to see")
    assert answer.exit_code == 2
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_erased_person_leaves_the_chain_whole(published_home):
    """D12: no byte of the name is left in the ledger, the chain is as it was."""
    answer = said(
        published_home, "audit", "erase", "per-ines", "--as", "per-bram", "--reason", "asked to"
    )
    assert answer.exit_code == 0, answer.stderr
    left = ledger(published_home, "select text from private_texts where about_id = 'per-ines'")
    assert left == [(None,)]
    assert said(published_home, "audit", "verify").exit_code == 0
