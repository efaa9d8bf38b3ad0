"""R-D5, R-V4: versions of rules with who released them, and what shadow runs showed, by role."""

import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orchestration.ledger.approval_asking import Request, request
from orchestration.ledger.approval_base import Account, Decision
from orchestration.ledger.approvals import Seen, sign
from orchestration.ledger.store import open_ledger
from orchestration.releases import ACTION, list_versions
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse.shadow_results import (
    KEPT,
    ShadowResult,
    find_result,
    keep_result,
    list_results,
    result_id_of,
)
from tests.console.desks import open_desk
from tests.console.people import text_of
from tests.integration.run_homes import copy_home

FILES = {"rules/matching_rules.csv": "ab" * 32}
VERSION = {"place": "rules/matching_rules.csv", "rule_id": "PAY-KEYED", "version": "2",
           "digest": "cd" * 16}  # fmt: skip
CLASSES = [
    {"exception_code": "PAY_SHORT", "currency_code": "EUR", "before_count": 2, "after_count": 1,
     "new_count": 0, "gone_count": 1, "before_amount": "192.2200", "after_amount": "100.0000"},
]  # fmt: skip


def order_row(order: dict, after: str = "reconciled") -> dict:
    return {
        "tenant": "main", "order_id": order["order_id"], "recon_key": order["recon_key"],
        "before_state": "exception", "after_state": after, "before_codes": "PAY_SHORT",
        "after_codes": "", "currency_code": order["currency_code"], "total_amount": "500.0000",
        "before_amount": "92.2200", "after_amount": "0.0000",
    }  # fmt: skip


def result_of(orders: list[dict], files: dict = FILES) -> ShadowResult:
    return ShadowResult(
        result_id=result_id_of(files),
        made_at="2026-06-11T08:00:00+00:00",
        run_no=1,
        as_of="2026-06-10T00:00:00+00:00",
        is_same_product=True,
        files=[{"place": place, "sha256": digest} for place, digest in files.items()],
        versions=[{**VERSION, "effective_from": "2026-07-01", "effective_to": ""}],
        classes=CLASSES,
        orders=orders,
    )


@pytest.fixture(scope="module")
def desk(first_run, tmp_path_factory):
    """A console with a kept shadow run of two orders, and its release asked for."""
    console = open_desk(copy_home(first_run[0], tmp_path_factory.mktemp("releases")))
    settings = console.state.config.settings
    with console.state.snapshots.pin() as published:
        orders = published.rows(
            "select recon_key, order_id, currency_code from marts.fct_orders "
            "where order_id in ('SO-26003', 'GD-1027') order by order_id"
        )
    keep_result(settings, result_of([order_row(one) for one in orders]))
    asked = Request(
        decision=Decision(
            ACTION, "*", None, None, "USD", Decimal(0),
            {
                "versions": [VERSION],
                "files": [{"place": place, "sha256": sha} for place, sha in FILES.items()],
                "shadow_run_no": 1,
                "orders_that_change": 2,
                "classes_that_change": ["PAY_SHORT 2 -> 1"],
            },
        ),
        reason_code="RULE_CHANGED",
        reason="Agreed with the customers in May.",
        nonce="n",
        accountable_role="finance",
    )  # fmt: skip
    model, at = console.state.desk.model, datetime(2026, 6, 11, 9, tzinfo=UTC)
    with open_ledger(settings.ledger_database) as ledger, ledger.write() as connection:
        outcome = request(connection, model, asked, Account("per-kei"), at)
    assert outcome.approval_id
    shown = console.state.desk.approval(outcome.approval_id)
    with open_ledger(settings.ledger_database) as ledger, ledger.write() as connection:
        signed = sign(
            connection, model, outcome.approval_id, Account("per-rhea"), at,
            Seen(shown["payload_hash"], "Looked at which orders change.", "s"),
        )  # fmt: skip
    assert not signed.refused
    yield console
    console.close()


def test_each_version_is_shown_with_its_days_and_who_released_it(desk):
    text = text_of(desk.client("finance").get("/rules/versions").text)
    listed = list_versions(desk.state.config.settings)
    assert all(one.version.rule_id in text for one in listed)
    assert "PAY-KEYED 1 2000-01-01 In force" in text
    assert "register Platform Control The rules that Meshline begins with" in text
    assert "Not released" not in text


def test_a_request_for_release_says_who_asked_who_signed_and_who_is_wanting(desk):
    page = desk.client("control").get("/rules/versions").text
    text = text_of(page)
    assert "PAY-KEYED version 2 Agreed with the customers in May." in text
    assert "Rhea Solano finance, 2026-06-11 waits for Control" in text
    assert f'href="/rules/shadows/{result_id_of(FILES)}">2 orders change</a>' in page
    assert 'title="per-rhea"' in page


def test_a_changed_row_is_a_version_that_nobody_released(desk, tmp_path):
    seeds = tmp_path / "seeds"
    shutil.copytree(PROJECT_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("samples"))
    path = seeds / "rules" / "matching_rules.csv"
    path.write_text(path.read_text().replace("PAY-KEYED,1,payment,*,2000-01-01,,0.00", "PAY-KEYED,1,payment,*,2000-01-01,,9.00"))  # fmt: skip # noqa: E501
    changed = [
        one
        for one in list_versions(replace(desk.state.config.settings, seeds=seeds))
        if one.release is None
    ]
    assert [one.version.rule_id for one in changed] == ["PAY-KEYED"]


def test_a_shadow_run_shows_classes_and_orders_from_what_to_what(desk):
    page = desk.client("finance").get(f"/rules/shadows/{result_id_of(FILES)}").text
    text = text_of(page)
    assert "PAY-KEYED version 2, effective 2026-07-01" in text
    assert "PAY_SHORT 2 1 0 1 192.22 EUR 100.00 EUR" in text
    assert "GD-1027 Exception → Reconciled Less was paid than is due → none 92.22 EUR" in text
    assert "92.22 EUR 0.00 EUR" in text


def test_the_orders_are_taken_away_in_the_forms_of_the_role(desk):
    path = f"/rules/shadows/{result_id_of(FILES)}/orders"
    answer = desk.client("finance").get(f"{path}.csv")
    assert answer.status_code == 200
    head, *rows = answer.text.splitlines()
    assert head.startswith("order_id,recon_key,before_state,after_state")
    assert {row.partition(",")[0] for row in rows} == {"GD-1027", "SO-26003"}
    assert desk.client("finance").get(f"{path}.parquet").status_code == 200
    assert desk.client("operations").get(f"{path}.parquet").status_code == 403
    assert desk.client("finance").get(f"{path}.exe").status_code == 404


def test_who_may_not_open_orders_sees_counts_and_neither_orders_nor_money(desk):
    platform = desk.client("platform")
    text = text_of(platform.get(f"/rules/shadows/{result_id_of(FILES)}").text)
    assert "PAY_SHORT 2 1 0 1 2 orders would stand otherwise. Your role does not include" in text
    assert "192.22" not in text
    assert "GD-1027" not in text
    assert platform.get(f"/rules/shadows/{result_id_of(FILES)}/orders.csv").status_code == 403


@pytest.mark.parametrize("role", ["sales", "sales_leader", "marketplace"])
def test_who_may_not_open_rules_sees_none_of_it(desk, role):
    client = desk.client(role)
    for path in ("/rules/versions", f"/rules/shadows/{result_id_of(FILES)}"):
        assert client.get(path).status_code == 403


def test_a_result_that_is_not_kept_says_how_to_make_one(desk):
    answer = desk.client("finance").get("/rules/shadows/../../etc")
    assert answer.status_code == 404
    answer = desk.client("finance").get("/rules/shadows/nothing")
    assert answer.status_code == 404
    assert "meshline rules shadow FILE" in answer.text


def test_the_last_of_each_proposal_is_kept_and_the_oldest_go(desk, tmp_path):
    settings = replace(desk.state.config.settings, home=tmp_path)
    first = result_of([])
    keep_result(settings, first)
    keep_result(settings, replace(first, run_no=2))
    assert [one.run_no for one in list_results(settings)] == [2]
    for number in range(KEPT):
        keep_result(settings, result_of([], {"rules/gates.csv": f"{number:064}"}))
    assert len(list_results(settings)) == KEPT
    assert find_result(settings, first.result_id) is None
    # What somebody else laid there is passed over.
    (tmp_path / "shadows" / "torn.json").write_text("{")
    assert len(list_results(settings)) == KEPT


def test_without_a_shadow_run_the_page_says_how_to_make_one(console):
    text = text_of(console.client("finance").get("/rules/versions").text)
    assert "Nothing was shadowed yet" in text
    assert re.search(r"Asked for", text) is None
