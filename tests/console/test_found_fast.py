"""What is found by where it lies is what a search through everything finds.

What belongs here: matches, batches and sums of pages beside a search that reads whole tables.
"""

import re

from console.data import Data
from console.matches import match_of, matches_of
from console.pages.settlements import LIST, ONE
from console.warming import warm, without_limits

MEMBERS = "select * from marts.fct_match_members where match_id = $match_id"
IDS = "select distinct match_id from marts.fct_match_members where recon_key = $recon_key"


def seen(console, published) -> Data:
    return Data(published, without_limits(console.state), console.state.answers)


def texts(rows) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def test_every_match_has_the_members_that_a_search_through_all_finds(console):
    with console.state.snapshots.pin() as published:
        data = seen(console, published)
        found = published.rows("select match_id, recon_key from marts.fct_matches")
        assert {row["recon_key"] is None for row in found} == {True, False}
        far = [row for row in found if row["recon_key"] is None]
        for row in (*far, *found[::37]):
            match, members = match_of(data, row["match_id"], row["recon_key"])
            assert match["match_id"] == row["match_id"]
            assert texts(members) == texts(published.rows(MEMBERS, {"match_id": row["match_id"]}))


def test_every_order_has_the_matches_that_a_search_through_all_finds(console):
    with console.state.snapshots.pin() as published:
        data = seen(console, published)
        for row in published.rows("select recon_key from marts.fct_orders")[::13]:
            wanted = {each["match_id"] for each in published.rows(IDS, row)}
            matches, members = matches_of(data, row["recon_key"])
            assert {match["match_id"] for match in matches} == wanted
            assert {member["match_id"] for member in members} == wanted


def test_a_match_of_several_orders_has_the_members_of_all(console, monkeypatch):
    """The samples have no such match, so what is asked for beside an order is asked for without."""
    with console.state.snapshots.pin() as published:
        data = seen(console, published)
        row = published.rows("select match_id from marts.fct_matches where recon_key is null")[0]
        monkeypatch.setattr("console.matches._ONE_TO_ONE", "none such")
        _, members = match_of(data, row["match_id"], None)
        assert texts(members) == texts(published.rows(MEMBERS, row))


def test_a_batch_is_what_its_members_come_to(console):
    with console.state.snapshots.pin() as published:
        data = seen(console, published)
        batches = data.rows(LIST, q="", only="", after="")
        assert batches
        for batch in batches:
            (said,) = published.rows(
                "select sum(allocated_amount) as amount from marts.fct_match_members "
                "where leg_code = 'settlement_batch' and stream = 'settlement_batches' "
                "and native_id = $batch_id",
                {"batch_id": batch["batch_id"]},
            )
            assert said["amount"] == batch["stated_amount"]
            (lines,) = published.rows(
                "select count(*) as n from marts.fct_match_members where leg_code = 'settlement' "
                "and stream = 'settlement_lines' and native_id = $batch_id",
                {"batch_id": batch["batch_id"]},
            )
            assert lines["n"] == batch["line_count"]


def test_the_page_of_a_batch_shows_its_lines_and_the_bank(console):
    client = console.client("finance")
    with console.state.snapshots.pin() as published:
        data = seen(console, published)
        paid = next(
            row
            for row in data.rows(LIST, q="", only="", after="")
            if row["bank_code"] == "matched" and row["line_count"]
        )
        assert data.one(ONE, batch_id=paid["batch_id"]) == paid
    page = client.get(f"/settlements/{paid['batch_id']}").text
    assert paid["bank_line_id"] in page
    assert len(re.findall(r'<tr class="row">', page)) == paid["line_count"]


def test_products_and_sellers_count_orders_as_a_search_through_all_lines_does(console):
    with console.state.snapshots.pin() as published:
        found = published.rows(
            """
            with lines as (
                select distinct fct_order_lines.recon_key, fct_order_lines.sku
                from marts.fct_order_lines
                inner join marts.fct_orders using (recon_key, version_no)
                where not is_cancelled and not is_test and not is_synthetic
                    and state_code not in ('draft', 'void')
            )
            select coalesce(sku, '') as sku, count(*) as order_count from lines group by 1
            """
        )
        told = published.rows(
            "select sku, cast(sum(order_count) as bigint) as order_count "
            "from marts.fct_product_daily_metrics group by sku"
        )
        assert texts(found) == texts(told)


def test_the_first_visitor_of_a_publication_finds_the_answers_there(console):
    with console.state.snapshots.pin() as published:
        warm(console.state, seen(console, published))
    client = console.client("finance")
    client.get("/settings")
    for path in (
        "/overview",
        "/orders",
        "/settlements",
        "/sellers",
        "/quality",
        "/value",
        "/forecast",
    ):
        before = console.state.answers.miss_count
        assert client.get(path).status_code == 200
        assert console.state.answers.miss_count == before, path
