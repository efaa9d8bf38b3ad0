"""Tickets that ended keep their page: what it was, how it ended, who (R-V2)."""

import shutil
from datetime import timedelta

import duckdb
import pytest

from orchestration.warehouse.durable import replace_json
from orchestration.warehouse.publisher import POINTER
from tests.console.desks import NOW, find_again, open_desk
from tests.console.people import post
from tests.console.test_ticket_pages import seen_of
from tests.integration.run_homes import copy_home

CHOSEN = (
    "select exception_id, recon_key, leak_amount from marts.fct_exceptions "
    "where owner_role = 'finance' and leak_amount > 0 and recon_key is not null "
    "order by exception_id limit 2"
)


@pytest.fixture(scope="module")
def ended(first_run, tmp_path_factory):
    """A console whose latest run found two exceptions gone; a person had resolved the first."""
    console = open_desk(copy_home(first_run[0], tmp_path_factory.mktemp("ended")))
    with console.state.snapshots.pin() as published:
        rows = published.rows(CHOSEN)
    ids = [row["exception_id"] for row in rows]
    finance = console.client("finance")
    path = f"/exceptions/{ids[0]}"
    answer = post(
        finance, path, path, action="resolve", code="EXPLAINED",
        reason="A credit note explains it.", seen=seen_of(finance.get(path).text),
    )  # fmt: skip
    assert answer.status_code == 303
    publish_without(console, ids)
    find_again(console, "run_2", NOW + timedelta(days=2), without=ids)
    yield console, rows
    console.close()


def publish_without(console, ids) -> None:
    """The next publication, in which the differences are gone."""
    serving = console.state.config.settings.serving
    with console.state.snapshots.pin() as published:
        pointer = {
            "file": "run_2.duckdb", "run_no": 2, "run_id": "run_2", "tables": published.tables,
            "as_of": published.as_of.isoformat(),
        }  # fmt: skip
        shutil.copy(published.path, serving / "run_2.duckdb")
    (serving / "run_2.duckdb").chmod(0o644)
    with duckdb.connect(str(serving / "run_2.duckdb")) as connection:
        connection.execute(
            "delete from marts.fct_exceptions where exception_id in (select unnest($ids))",
            {"ids": ids},
        )
    replace_json(serving / POINTER, pointer)


def test_a_resolved_and_closed_ticket_tells_who_ended_it_and_how(ended):
    console, rows = ended
    page = console.client("finance").get(f"/exceptions/{rows[0]['exception_id']}")
    assert page.status_code == 200
    assert "How it ended" in page.text
    assert 'title="per-abel">Finance</span></strong> resolved it' in page.text
    assert "A credit note explains it." in page.text
    assert "Run 2 closed it" in page.text
    assert "What was compared" in page.text
    assert "Order, as it stands now" in page.text


def test_one_that_nobody_had_resolved_says_so(ended):
    console, rows = ended
    page = console.client("control").get(f"/exceptions/{rows[1]['exception_id']}").text
    assert "before anybody had resolved it" in page


def test_settled_ones_are_listed_found_and_named_by_their_order(ended):
    console, rows = ended
    finance = console.client("finance")
    listed = finance.get("/settled").text
    assert all(row["exception_id"] in listed for row in rows)
    one = rows[0]["exception_id"]
    assert one in finance.get(f"/settled?q={one}").text
    assert "Nothing settled matches" in finance.get("/settled?q=nothing").text
    assert finance.get(f"/find?q={one}").headers["location"] == f"/exceptions/{one}"
    assert "Settled before" in finance.get(f"/orders/{rows[0]['recon_key']}").text


def test_rows_of_others_stay_theirs_when_they_are_settled(ended):
    console, rows = ended
    for role in ("sales", "platform", "marketplace"):
        client = console.client(role)
        for row in rows:
            order = client.get(f"/orders/{row['recon_key']}").status_code
            expected = 200 if order == 200 else 404
            assert client.get(f"/exceptions/{row['exception_id']}").status_code == expected
            assert (row["exception_id"] in client.get("/settled").text) is (order == 200)


def test_a_settled_ticket_can_be_taken_up_again(ended):
    console, rows = ended
    finance = console.client("finance")
    path = f"/exceptions/{rows[1]['exception_id']}"
    answer = post(
        finance, path, path, action="reopen", code="NOT_FIXED",
        reason="The bank took the money back.", seen=seen_of(finance.get(path).text),
    )  # fmt: skip
    assert answer.status_code == 303
    assert "did not publish it" in finance.get(path).text
