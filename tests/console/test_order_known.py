"""R-B2, R-V4: an order as it was known at a past moment, for whoever may open its page."""

import re

import pytest

from console.access.scope import scope_query, with_past
from tests.console.people import PASSWORD, open_console, sign_in, text_of
from tests.integration.run_homes import copy_home

BETWEEN = "2026-06-11T12:00"


@pytest.fixture(scope="module")
def later(second_run, tmp_path_factory):
    """A console over two runs: between them SO-26007 was paid and grew by five seats."""
    console = open_console(copy_home(second_run, tmp_path_factory.mktemp("known")))
    yield console
    console.close()


def page_of(console, role: str, at: str, order: str = "SO-26007"):
    return console.client(role).get(f"/orders/{order}", params={"at": at})


def test_order_lines_legs_and_exceptions_are_shown_as_they_were_known(later):
    answer = page_of(later, "finance", BETWEEN)
    assert answer.status_code == 200
    text = text_of(answer.text)
    assert "SO-26007, as known 11 Jun 2026 12:00 UTC" in text
    assert "what run 1 of 10 Jun 2026 00:00 UTC knew" in text
    assert "Total 20,784.00 USD now 25,980.00 USD" in text
    assert "State Exception" in text
    # The line, the leg, the exception that ended, the one that is new, the version that is new.
    assert "20 now 25" in text
    assert "Order to payment Exception now matched" in text
    assert "Nothing was paid by the due time gone now" in text
    assert "The billed quantity differs not known then" in text
    assert re.search(r"2 repriced not known then", text)


def test_a_moment_of_now_differs_in_nothing_and_the_zone_of_a_moment_counts(later):
    assert "Nothing of it stands otherwise now" in text_of(
        page_of(later, "finance", "2026-06-12T00:00").text
    )
    before = text_of(page_of(later, "finance", "2026-06-12T01:00+02:00").text)
    assert "as known 11 Jun 2026 23:00 UTC" in before
    assert "20 now 25" in before


def test_the_page_of_now_leads_to_the_moments_at_which_something_changed(later):
    page = later.client("finance").get("/orders/SO-26007").text
    links = re.findall(r'href="(/orders/rk1_\w+\?at=[^"]+)"', page)
    assert [link.partition("at=")[2] for link in links] == [
        "2026-06-12T00%3A00%3A00",
        "2026-06-10T00%3A00%3A00",
    ]
    assert "20 now 25" in text_of(later.client("finance").get(links[1]).text)
    # An order of which nothing changed has no such moments.
    assert "It changed at" not in later.client("finance").get("/orders/SO-26001").text


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ("yesterday", "“yesterday” is no moment. Write date and time like 2026-06-15 12:00"),
        ("2026-02-30T10:00", "is no moment"),
        ("0001-01-01T00:00+23:00", "is no moment"),
        ("<b>" * 100, "is no moment"),
        ("2026-06-12T00:01", "is later than anything that is known: run 2 is of 2026-06-12 00:00"),
        ("2026-06-09T23:59", "nothing was known yet: the first run is of 2026-06-10 00:00 UTC"),
    ],
)
def test_a_moment_that_cannot_be_asked_for_gets_a_sentence_on_the_page_of_now(later, at, sentence):
    answer = page_of(later, "finance", at)
    assert answer.status_code == 400
    assert sentence in text_of(answer.text)
    assert "<b><b>" not in answer.text
    assert "Total 20,784.00" not in text_of(answer.text)


def test_an_order_that_was_not_known_then_says_so(later):
    text = text_of(page_of(later, "finance", BETWEEN, "SO-26099").text)
    assert "Nobody knew of this order then: run 1 of 10 Jun 2026 00:00 UTC" in text
    assert "240.00" not in text


def test_whoever_may_not_open_the_order_may_not_see_its_past(later):
    with later.state.snapshots.pin() as published:
        key = published.rows("select recon_key from marts.fct_orders where order_id = 'SO-26007'")[
            0
        ]["recon_key"]
    assert "20 now 25" in text_of(page_of(later, "sales", BETWEEN, key).text)
    joko = later.visitor()
    sign_in(joko, "joko@example.com", PASSWORD)
    assert joko.get(f"/orders/{key}", params={"at": BETWEEN}).status_code == 404
    assert page_of(later, "marketplace", BETWEEN, key).status_code == 404
    assert page_of(later, "platform", BETWEEN, key).status_code == 403


def test_columns_that_a_role_does_not_see_are_hidden_in_the_past_too(later):
    assert "Contract CT-07-2" in text_of(page_of(later, "finance", BETWEEN).text)
    assert "CT-07-2" not in page_of(later, "operations", BETWEEN).text


def test_rows_of_the_past_are_cut_by_whose_the_order_is_now(later):
    from console.web.guard import viewer_of

    account = later.state.store.account_of_email("sales@example.com")
    viewer = viewer_of(account, later.state, "s")
    own = {"recon_key": "VARCHAR", "sales_owner_id": "VARCHAR"}
    history = {**own, "known_to": "TIMESTAMP", "is_gone": "BOOLEAN", "is_absent": "BOOLEAN"}
    columns = with_past({"fct_orders": own, "fct_orders_history": history})
    assert columns["fct_orders_as_known"] == own
    for table in ("fct_orders_as_known", "fct_orders_history"):
        sql = scope_query(f"select * from {table}", viewer, columns).sql
        assert f"{table}.recon_key in (select fct_orders.recon_key from fct_orders)" in sql
