"""R-V1, R-C2, R-O3: what pages say agrees with the marts, and works without scripts."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pyarrow.parquet
import pytest

from console import formats
from console.data import Data
from console.pages.exception import compare
from console.pages.exceptions import PAGE, SORTS
from console.pages.order import describe_versions
from console.pages.overview import read_figures
from console.pages.panels import read_lens
from console.warming import warm, without_limits
from tests.console.people import post

LEAKS = "select count(*) as n from marts.fct_exceptions"


@pytest.fixture(scope="module")
def finance(console):
    return console.client("finance")


def marts(console, sql, *values):
    with console.state.snapshots.pin() as published:
        return published.rows(sql, values)


def test_the_overview_agrees_with_the_marts(console, finance):
    text = finance.get("/overview").text
    row = marts(
        console,
        "select sum(due_count) as due, sum(reconciled_count) as ok from marts.fct_daily_metrics "
        "where leg_code = 'order' and customer_tier = 'tier_3' and metric_on <= date '2026-06-10'",
    )[0]
    assert f"{row['ok']} of {row['due']}" in text
    assert f">{marts(console, LEAKS)[0]['n']}</p>" in text


def test_every_page_is_whole_without_scripts_and_asks_nobody_else(console):
    admin = console.client("administrator")
    for path in ("/overview", "/exceptions", "/orders", "/settlements", "/sellers", "/quality",
                 "/forecast", "/value", "/pilot", "/runs", "/rules", "/approvals", "/audit",
                 "/accounts", "/settings", "/incidents"):  # fmt: skip
        answer = admin.get(path)
        assert answer.status_code == 200, path
        text = answer.text
        assert not re.search(r'(src|href|action|srcset)="(https?:)?//', text), path
        assert not re.search(r'\sstyle="|<style|\son\w+="|<script>(?!</script>)', text), path
        assert text.count("<h1") == 1, path
        assert "unsafe" not in answer.headers["content-security-policy"]


def test_headers_protect_every_answer(console):
    for answer in (console.visitor().get("/sign-in"), console.visitor().get("/nothing")):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_a_foreign_host_and_a_large_form_are_refused(console):
    client = console.visitor()
    assert client.get("/sign-in", headers={"host": "evil.example"}).status_code == 400
    assert client.post("/sign-in", content=b"x" * 300_000).status_code == 413


@pytest.mark.parametrize("sort", SORTS)
def test_pages_of_the_queue_show_every_exception_once(console, finance, sort, monkeypatch):
    monkeypatch.setattr("console.pages.exceptions.PAGE", 7)
    found, path = [], f"/exceptions?sort={sort}"
    while path:
        text = finance.get(path).text
        found += re.findall(r'<td class="what"><a href="/exceptions/(ex_\w+)"', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        path = following[1].replace("&amp;", "&") if following else None
    everything = {row["exception_id"] for row in
                  marts(console, "select exception_id from marts.fct_exceptions")}  # fmt: skip
    assert len(found) == len(set(found))
    assert set(found) == everything
    assert PAGE >= 7


def test_filters_and_search_leave_what_they_name(console, finance):
    rows = list(csv.DictReader(io.StringIO(
        finance.get("/exceptions.csv?severity=high&kind=loss&tier=tier_3").text)))  # fmt: skip
    assert rows
    assert {(row["severity_code"], row["leak_kind"], row["customer_tier"]) for row in rows} == {
        ("high", "loss", "tier_3")
    }
    text = finance.get("/exceptions?q=GD-1052").text
    assert "GD-1052" in text
    assert "<strong>1</strong>" in text


@pytest.mark.parametrize(
    "address",
    [
        "/exceptions?after=x~y~z",
        "/exceptions?after=NaN~2026-01-01~x",
        "/exceptions?after=%D9%A3~2026-01-01~x",
        "/exceptions?sort=amount&after=EUR~1e30~x",
        "/exceptions?sort=amount&after=EUR~inf~x",
        "/exceptions?sort=nonsense&due=never",
        "/exceptions?after=1~x",
        "/orders?after=never~key",
        "/overview?days=7&currency=%27&tier=x",
        "/rules?table=../../x",
        "/exceptions?q=%27%25_%00",
        "/settlements?after=%27",
        "/exceptions?class=%27%3Bdrop",
    ],
)
def test_an_address_with_nonsense_is_answered_calmly(finance, address):
    assert finance.get(address).status_code == 200


def test_an_exception_shows_amounts_playbook_and_documents(console, finance):
    row = marts(console, "select * from marts.fct_exceptions where exception_code = 'PAY_SHORT' "
                "order by leak_amount desc limit 1")[0]  # fmt: skip
    text = finance.get(f"/exceptions/{row['exception_id']}").text
    assert "36,372.00" in text
    assert "\u22125,455.80" in text
    assert "Not explained by any rule" in text
    assert "Read the remittance for deductions" in text
    assert "{expected_amount}" not in text
    assert "SO-26003-P1" in text


def test_the_parts_of_a_difference_add_up_to_it():
    evidence = {"expected_amount": "100.0000", "actual_amount": "103.5000"}
    row = {"currency_code": "EUR"}
    match = {"residual_amount": Decimal("-3.0000"), "residual_class": "FEE"}
    compared = compare(row, evidence, match, None)
    assert compared["difference"] == Decimal("3.5000")
    assert sum(amount for _, amount in compared["parts"]) == compared["difference"]
    assert compare(row, {}, None, None) == {}


def test_versions_tell_what_changed_between_them():
    versions = [{"version_no": 1, "total_amount": Decimal(10), "currency_code": "EUR"},
                {"version_no": 2, "total_amount": Decimal(12), "currency_code": "EUR"}]  # fmt: skip
    lines = [{"version_no": 1, "line_key": "k-1", "sku": "A", "quantity": Decimal(1)},
             {"version_no": 2, "line_key": "k-1", "sku": "A", "quantity": Decimal(2)},
             {"version_no": 2, "line_key": "k-2", "sku": "B", "quantity": Decimal(1)}]  # fmt: skip
    told = describe_versions(versions, lines)[1]["changes"]
    assert ("Total", Decimal(10), Decimal(12)) in told
    assert ("Line 1 quantity", Decimal(1), Decimal(2)) in told
    assert ("Line 2, B", "not there", "added") in told


def test_downloads_escape_formulas_and_keep_numbers(console, finance, monkeypatch):
    evil = "select '=1+1' as a, '-x' as b, -5.25::decimal(18,4) as n, 'plain' as c, null as d"
    monkeypatch.setattr("console.pages.runs.ACCOUNTING", evil)
    row = next(csv.DictReader(io.StringIO(finance.get("/runs/accounting.csv").text)))
    assert row == {"a": "'=1+1", "b": "'-x", "n": "-5.2500", "c": "plain", "d": ""}
    book = openpyxl.load_workbook(io.BytesIO(finance.get("/runs/accounting.xlsx").content))
    cells = list(book.active.rows)[1]
    assert [cell.value for cell in cells] == ["=1+1", "-x", -5.25, "plain", None]
    assert {cell.data_type for cell in cells[:2]} == {"s"}
    table = pyarrow.parquet.read_table(io.BytesIO(finance.get("/runs/accounting.parquet").content))
    assert table.column("n")[0].as_py() == Decimal("-5.2500")


def test_a_download_of_many_rows_is_whole_and_leaves_nothing_behind(console, finance, monkeypatch):
    many = "select range as n, 'x' || range as t from range(300000)"
    monkeypatch.setattr("console.pages.runs.ACCOUNTING", many)
    text = finance.get("/runs/accounting.csv").text
    assert text.count("\n") == 300_001
    content = finance.get("/runs/accounting.xlsx").content
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    assert not list(console.state.snapshots.scratch.glob("*.csv"))
    assert not list(console.state.snapshots.scratch.glob("*.xlsx"))
    assert console.state.store.latest_activity(1)[0]["action"] == "downloaded xlsx"


def test_a_view_is_saved_for_oneself_and_forgotten(console, finance):
    saved = {"page": "exceptions", "name": "My worst", "query": "?severity=critical"}
    answer = post(finance, "/views", **saved)
    assert answer.headers["location"] == "/exceptions?severity=critical"
    assert "My worst" in finance.get("/exceptions").text
    assert "My worst" not in console.client("control").get("/exceptions").text
    number = re.search(r"/views/(\d+)/remove", finance.get("/settings").text)[1]
    assert post(console.client("control"), f"/views/{number}/remove").status_code == 303
    assert "My worst" in finance.get("/exceptions").text
    post(finance, f"/views/{number}/remove")
    assert "My worst" not in finance.get("/exceptions").text


def test_the_search_field_leads_to_what_a_name_stands_for(console, finance):
    order = marts(console, "select recon_key from marts.fct_orders where order_id = 'SO-26003'")
    key = order[0]["recon_key"]
    assert finance.get("/find?q=SO-26003").headers["location"] == f"/orders/{key}"
    assert finance.get("/find?q=SO-26003-P1").headers["location"] == f"/orders/{key}"
    assert finance.get("/find?q=nowhere").headers["location"] == "/exceptions?q=nowhere"


def test_nothing_published_says_what_to_run(empty_console):
    token = empty_console.state.store.add_account("a@example.com", "A", "finance")
    assert token
    from tests.console.people import PASSWORD, password_hash, sign_in

    empty_console.state.store.change_account(token, password_hash=password_hash())
    client = empty_console.visitor()
    sign_in(client, "a@example.com", PASSWORD)
    answer = client.get("/overview")
    assert answer.status_code == 503
    assert "meshline run" in answer.text
    assert client.get("/settings").status_code == 200


def test_the_pilot_report_is_one_file_that_needs_nothing_else(console, finance):
    answer = finance.get("/pilot/report?segment=commerce&from_on=2026-05-10&to_on=2026-06-09")
    assert answer.status_code == 200
    assert not re.search(r'(src|href)="', answer.text)
    assert "<svg" in answer.text
    assert "aria-roledescription" not in answer.text
    assert re.search(r"<th[^>]*>Week of</th>.*?\d+\.\d %</td>", answer.text, re.DOTALL)
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]
    assert finance.get("/pilot?from_on=2026-06-09&to_on=2026-06-08").status_code == 404
    saved = finance.get("/pilot/report?save=1")
    assert "attachment" in saved.headers["content-disposition"]


def test_the_evidence_pack_of_an_order_is_one_file_that_needs_nothing_else(console, finance):
    row = marts(
        console,
        "select recon_key, order_id, total_amount, currency_code from marts.fct_orders "
        "where open_exception_count > 0 and total_amount > 0 order by version_no desc limit 1",
    )[0]
    key = row["recon_key"]

    answer = finance.get(f"/orders/{row['order_id']}/evidence")

    assert answer.status_code == 200
    text = answer.text
    assert not re.search(r'(src|href)="', text)
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]
    assert f"Evidence of order {row['order_id']}" in text
    assert key in text
    amount = formats.money(
        row["total_amount"], row["currency_code"], console.state.vocabulary.exponents
    )
    assert amount in text
    members = marts(
        console,
        "select distinct native_id from marts.fct_match_members "
        "where recon_key = ? and native_id is not null",
        key,
    )
    assert members
    for table, column in (
        ("fct_match_members", "native_id"),
        ("fct_artifacts", "content_hash"),
        ("fct_exceptions", "exception_id"),
        ("fct_order_versions", "version_no"),
    ):
        sql = f"select distinct {column} as word from marts.{table} where recon_key = ?"
        words = [str(each["word"]) for each in marts(console, sql, key) if each["word"]]
        assert all(word in text for word in words), table
    assert "meshline audit verify --export" in text
    head = marts(console, "select root from marts.ledger_heads order by size desc limit 1")[0]
    assert head["root"] in text
    with console.state.desk.reader() as ledger:
        hashes = [
            row["hash"] for row in ledger.rows("select hash from events where recon_key = ?", [key])
        ]
    assert hashes
    assert all(each in text for each in hashes)
    saved = finance.get(f"/orders/{key}/evidence?save=1")
    name = f"meshline-evidence-{row['order_id']}-run-1.html"
    assert name in saved.headers["content-disposition"]
    assert f"/orders/{key}/evidence" in finance.get(f"/orders/{key}").text


def test_the_pilot_report_says_how_far_forecasts_of_the_months_that_ended_were_off(finance):
    """The samples committed 22 opportunities for May; what they brought was a third off."""
    both = finance.get("/pilot?from_on=2026-05-01&to_on=2026-05-31").text
    assert re.search(r"Forecasts committed.*?>22<.*?>0<", both, re.DOTALL)
    assert re.search(r"Mean error of those.*?>34\.0.%<.*?>not measured<", both, re.DOTALL)
    within_the_month = finance.get("/pilot?from_on=2026-05-02&to_on=2026-05-30").text
    assert re.search(r"Mean error of those[^%]*?>not measured<", within_the_month, re.DOTALL)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1234.5000", "EUR", "1,234.50"),
        ("-1234.5", "JPY", "\u22121,234.5"),
        ("105960.0000", "JPY", "105,960"),
        ("103.5630", "KWD", "103.563"),
        ("0.0001", "EUR", "0.0001"),
        ("0", "USD", "0.00"),
    ],
)
def test_money_has_the_decimals_of_its_currency_and_loses_none(amount, currency, shown):
    assert formats.money(Decimal(amount), currency, {"EUR": 2, "JPY": 0, "KWD": 3}) == shown


def test_a_rate_is_never_rounded_up_to_a_hundred():
    assert formats.percent(Decimal("0.99999")) == "99.9 %"
    assert formats.percent(Decimal(1)) == "100.0 %"
    assert formats.percent(None) == "\u2013"


@pytest.mark.parametrize(
    ("hours", "shown"), [("0.5", "30 min"), ("23.96", "24.0 h"), ("90", "3.8 days"),
                         ("4000", "167 days")],
)  # fmt: skip
def test_hours_are_told_in_a_comfortable_unit(hours, shown):
    assert formats.hours(Decimal(hours)) == shown


def test_distances_in_time_are_told_from_the_moment_of_the_page():
    now = datetime(2026, 6, 10, 12, tzinfo=UTC)
    assert formats.distance(datetime(2026, 6, 10, 15), now) == "in 3 h"  # noqa: DTZ001
    assert formats.distance(datetime(2026, 6, 1, 12), now) == "9 days ago"  # noqa: DTZ001


def test_figures_that_were_asked_for_ahead_are_those_that_pages_show(console):
    state = console.state
    with state.snapshots.pin() as published:
        data = Data(published, without_limits(state), state.answers)
        warm(state, data)
        before = state.answers.miss_count
        read_figures(data, read_lens(data))
        assert state.answers.miss_count == before
    console.client("finance").get("/value")
    assert state.answers.miss_count == before
