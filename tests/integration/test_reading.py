"""R-V1, R-V2: what was published can be asked for, by any name that it goes by."""

import json

import pytest

from orchestration.core.errors import UsageRefused
from orchestration.reading.exceptions import find_exception, list_exceptions
from orchestration.reading.orders import read_order, resolve_key
from orchestration.reading.summary import read_summary
from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published
from tests.integration.run_homes import meshline


@pytest.fixture(scope="module")
def home(first_run):
    return first_run[0]


@pytest.fixture(scope="module")
def published(home):
    with open_published(load_settings(home=home)) as opened:
        yield opened


def one(published, sql):
    return published.rows(sql)[0]


def test_the_summary_counts_what_the_marts_hold(published):
    summary = read_summary(published)
    wanted = one(
        published,
        "select count(*) as orders, count(*) filter (where is_zero_value) as zero "
        "from marts.fct_orders where not is_test and not is_synthetic",
    )
    counted = sum(row["order_count"] for row in summary.orders)
    assert counted == wanted["orders"] - wanted["zero"]
    assert summary.zero_value_count >= wanted["zero"]
    assert 0 < summary.reconciled_count <= summary.due_count
    open_count = one(published, "select count(*) as found from marts.fct_exceptions")["found"]
    assert sum(row["exception_count"] for row in summary.exceptions) <= open_count


def test_filters_of_the_list_are_all_applied_and_counted(published):
    everything = list_exceptions(published, {}, 1000)
    assert everything.found == len(everything.rows) > 3
    code = everything.rows[0]["exception_code"]
    found = list_exceptions(published, {"exception_class": code.lower(), "owner": None}, 1)
    assert found.found == sum(row["exception_code"] == code for row in everything.rows)
    assert len(found.rows) == 1
    assert list_exceptions(published, {"owner": "nobody"}, 10).found == 0


def test_a_filter_value_is_a_value_and_never_sql(published):
    assert list_exceptions(published, {"owner": "x' or 'a' = 'a"}, 10).found == 0


def test_an_exception_is_found_by_its_id_or_its_beginning(published):
    row = list_exceptions(published, {}, 1).rows[0]
    assert find_exception(published, row["exception_id"])["explanation"] == row["explanation"]
    beginning = row["exception_id"][:12]
    assert find_exception(published, beginning)["exception_id"] == row["exception_id"]
    with pytest.raises(UsageRefused, match="exceptions list"):
        find_exception(published, "ex_nothing_like_it")
    with pytest.raises(UsageRefused, match="Give more of it"):
        find_exception(published, "ex_")


def test_an_order_is_found_by_every_name_it_goes_by(published):
    member = one(
        published,
        "select m.native_id, m.recon_key, o.order_id from marts.fct_match_members as m "
        "inner join marts.fct_orders as o on o.recon_key = m.recon_key "
        "where m.side = 'actual' and m.native_id <> o.order_id order by m.native_id",
    )
    for name in (member["recon_key"], member["order_id"], f" {member['native_id']} "):
        assert resolve_key(published, name) == member["recon_key"]
    with pytest.raises(UsageRefused, match="No order goes by"):
        resolve_key(published, "nobody-knows-it")


def test_an_order_is_shown_with_all_its_parts(published):
    key = one(
        published,
        "select recon_key from marts.fct_exceptions where recon_key is not null "
        "and recon_key in (select recon_key from marts.fct_match_members) order by 1",
    )["recon_key"]
    view = read_order(published, key)
    assert view.order["recon_key"] == key
    for part in (view.versions, view.legs, view.exceptions, view.matches, view.members):
        assert part
    assert {row["match_id"] for row in view.members} == {row["match_id"] for row in view.matches}
    assert view.events == tuple(sorted(view.events, key=lambda row: row["known_from"]))


def test_commands_print_the_same_on_a_terminal_and_as_json(home, published):
    listed = json.loads(meshline("exceptions", "list", "--home", home, "--json").stdout)
    assert listed["found"] == list_exceptions(published, {}, 1).found
    worst = listed["exceptions"][0]
    shown = meshline("exceptions", "show", worst["exception_id"], "--home", home).stdout
    assert worst["explanation"] in shown
    assert worst["exception_id"] in shown
    order = meshline("order", "show", worst["recon_key"], "--home", home)
    assert order.exit_code == 0, order.stderr
    for title in ("Versions", "Legs", "Matches", "Exceptions", "What happened"):
        assert title in order.stdout
    as_json = json.loads(
        meshline("order", "show", worst["recon_key"], "--home", home, "--json").stdout
    )
    assert as_json["order"]["recon_key"] == worst["recon_key"]
    assert (
        json.loads(meshline("status", "--home", home, "--json").stdout)["published"]["run_no"] == 1
    )


def test_what_nobody_knows_ends_with_2_and_the_way_out(home):
    said = meshline("order", "show", "nobody-knows-it", "--home", home)
    assert said.exit_code == 2
    assert "exceptions list" in said.stderr


def test_rc4_an_exception_shows_that_it_waits_for_an_approval(published_home):
    """Whoever works on the queue sees what others are asked about, and can leave it out."""
    home = ("--home", published_home)
    listed = meshline("exceptions", "list", "--class", "PAY_SHORT", *home, "--json").document
    one = listed["exceptions"][0]
    assert (one["is_waiting_for_approval"], one["approvals_asked_for"]) == (False, [])
    asked = meshline(
        *("override", "write_off", one["recon_key"], "payment", "--code", "BANK_CHARGES"),
        *("--reason", "The bank has taken its charges.", "--as", "per-ines", *home),
    )
    assert asked.exit_code == 0, asked.stderr
    waiting = meshline("exceptions", "list", "--waiting", *home, "--json").document
    assert [row["exception_id"] for row in waiting["exceptions"]] == [one["exception_id"]]
    (request,) = waiting["exceptions"][0]["approvals_asked_for"]
    assert request in meshline("exceptions", "show", one["exception_id"], *home).stdout
    others = meshline(
        "exceptions", "list", "--class", "PAY_SHORT", "--not-waiting", *home, "--json"
    )
    assert others.document["found"] == listed["found"] - 1
    rejected = meshline(
        *("reject", request, "--code", "EVIDENCE_WANTING", "--as", "per-abel", *home),
        *("--reason", "The statement shows no charges."),
    )
    assert rejected.exit_code == 0, rejected.stderr
    assert meshline("exceptions", "list", "--waiting", *home, "--json").document["found"] == 0
