"""R-V4: each role sees and does what it needs, and no more, on every route."""

import re

import pytest
import yaml
from pydantic import ValidationError

from console.access.policy import FILE, Policy, load_policy
from console.access.scope import QueryRefused, scope_query
from console.app import route_names
from orchestration.core.errors import ContractError
from orchestration.settings import PROJECT_ROOT, load_settings

ROLES = (
    "sales",
    "sales_leader",
    "finance",
    "operations",
    "marketplace",
    "platform",
    "control",
    "administrator",
)
CONTENT = yaml.safe_load((PROJECT_ROOT / "seeds" / FILE).read_text())
# One address for each route that can be opened; {} is filled from the samples.
ADDRESSES = {
    "overview": "/overview",
    "exceptions": "/exceptions",
    "exceptions_download": "/exceptions.csv",
    "incidents": "/incidents",
    "settled": "/settled",
    "exception": "/exceptions/{exception}",
    "orders": "/orders",
    "orders_download": "/orders.csv",
    "order": "/orders/{order}",
    "order_evidence": "/orders/{order}/evidence",
    "settlements": "/settlements",
    "settlements_download": "/settlements.csv",
    "settlement": "/settlements/{batch}",
    "sellers": "/sellers",
    "quality": "/quality",
    "forecast": "/forecast",
    "value_map": "/value",
    "runs": "/runs",
    "run_files": "/runs/files",
    "run_checks": "/runs/checks",
    "catalogue": "/catalogue",
    "catalogue_model": "/catalogue/marts.fct_orders",
    "accounting_download": "/runs/accounting.csv",
    "rules": "/rules",
    "rule_versions": "/rules/versions",
    "shadow": "/rules/shadows/0123456789abcdef",
    "pilot": "/pilot",
    "pilot_report": "/pilot/report",
    "approvals": "/approvals",
    "audit": "/audit",
    "audit_download": "/audit/export.csv",
    "accounts": "/accounts",
    "home": "/",
    "find": "/find?q=SO-26001",
    "settings": "/settings",
}


@pytest.fixture(scope="module")
def clients(console):
    return {role: console.client(role) for role in ROLES}


@pytest.fixture(scope="module")
def addresses(console):
    """The addresses with documents of an account that every role with the page may see."""
    with console.state.snapshots.pin() as published:
        exception = published.rows(
            "select exception_id from marts.fct_exceptions where owner_role = 'platform' limit 1"
        )[0]["exception_id"]
        order = published.rows(
            "select recon_key from marts.fct_orders where sales_owner_id = 'per-ines' limit 1"
        )[0]["recon_key"]
        batch = published.rows(
            "select native_id from marts.fct_match_members "
            "where stream = 'settlement_batches' limit 1"
        )[0]["native_id"]
    return {
        route: path.format(exception=exception, order=order, batch=batch)
        for route, path in ADDRESSES.items()
    }


@pytest.mark.parametrize("route", ADDRESSES)
@pytest.mark.parametrize("role", ROLES)
def test_permission_matrix(console, clients, addresses, role, route):
    policy = console.state.policy
    expected = policy.may_open(role, route)
    answer = clients[role].get(addresses[route])
    if not expected:
        assert answer.status_code == 403
        assert "does not include this page" in answer.text
    elif route.endswith("_download"):
        assert answer.status_code == (200 if "csv" in policy.roles[role].downloads else 403)
    else:
        # Rows of others answer like rows that do not exist.
        assert answer.status_code in {200, 303, 404}
        # Of shadow runs none is kept in this home; their own tests have one.
        is_absent = route == "shadow" or not policy.roles[role].rows.is_whole
        assert answer.status_code != 404 or is_absent


@pytest.mark.parametrize("route", ADDRESSES)
def test_nobody_sees_anything_before_signing_in(console, addresses, route):
    answer = console.visitor().get(addresses[route])
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_every_route_has_its_place_in_the_policy_and_every_get_its_test(console):
    policy = console.state.policy
    names = set(route_names(console.app))
    listed = {*policy.signed_in, *policy.anyone}
    listed |= {route for area in policy.areas.values() for route in area.routes}
    assert names == listed
    posts = {
        "sign_in_try",
        "welcome_set",
        "sign_out",
        "theme",
        "save_view",
        "exceptions_act",
        "remove_view",
        "account_invite",
        "account_change",
        "exception_act",
        "approval_act",
    }
    own_tests = {
        "sign_in",
        "welcome",
        "oidc_begin",
        "oidc_return",
        "static",
        "htmx",
        "health",
        "panel_chart",
        "panel_table",
        "panel_download",
        "shadow_download",
    }
    assert names - set(ADDRESSES) - posts - own_tests == set()


def test_a_route_that_is_listed_nowhere_is_refused_for_everybody(console):
    policy = console.state.policy
    assert not any(policy.may_open(role, "brand_new") for role in (*ROLES, None))


def test_a_sales_owner_sees_own_accounts_and_a_leader_the_teams(console, clients):
    def owners(role: str) -> set[str]:
        text = clients[role].get("/orders.csv").text
        head, *rows = [line.split(",") for line in text.splitlines()]
        place = head.index("sales_owner_id")
        return {row[place] for row in rows}

    assert owners("sales") == {"per-ines"}
    assert owners("sales_leader") == {"per-ines", "per-joko"}
    assert {"per-ines", "per-joko", ""} <= owners("finance")


def test_an_order_of_another_owner_answers_like_one_that_does_not_exist(console, clients):
    with console.state.snapshots.pin() as published:
        other = published.rows(
            "select recon_key, order_id from marts.fct_orders "
            "where sales_owner_id = 'per-joko' limit 1"
        )[0]
    unknown = clients["sales"].get("/orders/rk1_doesnotexist")
    answer = clients["sales"].get(f"/orders/{other['recon_key']}")
    assert answer.status_code == unknown.status_code == 404
    assert other["order_id"] not in answer.text
    assert (
        clients["sales"]
        .get(f"/find?q={other['order_id']}")
        .headers["location"]
        .startswith("/exceptions?q=")
    )


def test_marketplace_sees_its_segment_alone(clients):
    text = clients["marketplace"].get("/orders.csv").text
    head, *rows = [line.split(",") for line in text.splitlines()]
    assert {row[head.index("segment")] for row in rows} == {"marketplace"}


def test_platform_sees_its_exceptions_without_customers(console, clients):
    text = clients["platform"].get("/exceptions.csv").text
    head, *rows = [line.split(",") for line in text.splitlines()]
    assert rows
    assert {row[head.index("owner_role")] for row in rows} == {"platform"}
    assert {row[head.index("customer_id")] for row in rows} == {""}


def test_a_download_in_a_form_that_the_role_does_not_have_is_refused(clients):
    assert clients["sales"].get("/orders.parquet").status_code == 403
    assert clients["control"].get("/orders.parquet").status_code == 200
    assert clients["control"].get("/orders.exe").status_code == 404


@pytest.mark.parametrize("role", ["sales", "marketplace", "platform"])
def test_a_query_that_names_the_schema_could_read_past_the_limits_and_is_refused(console, role):
    with console.state.snapshots.pin() as published:
        viewer = _viewer(console, role)
        columns = {"fct_orders": {"recon_key": "VARCHAR", "sales_owner_id": "VARCHAR"}}
        for sql in (
            "select * from marts.fct_orders",
            "select * from MARTS . fct_orders".lower(),
            "select * from/**/marts/**/.fct_orders",
            "select * from duckdb_tables()",
            "select * from information_schema.tables",
        ):
            with pytest.raises(QueryRefused):
                scope_query(sql, viewer, columns)
        assert published.path.exists()


def test_a_mart_that_cannot_be_cut_is_empty_for_who_sees_a_part(console):
    columns = {"fct_new_sums": {"currency_code": "VARCHAR"}, "run_fingerprints": {"run_no": "INT"}}
    scoped = scope_query("select * from fct_new_sums", _viewer(console, "sales"), columns)
    assert "where false" in scoped.sql
    scoped = scope_query("select * from fct_new_sums", _viewer(console, "finance"), columns)
    assert "where" not in scoped.sql
    scoped = scope_query("select * from run_fingerprints", _viewer(console, "sales"), columns)
    assert "where" not in scoped.sql


def test_a_query_with_its_own_with_clause_is_cut_too(console):
    columns = {"fct_orders": {"recon_key": "VARCHAR", "sales_owner_id": "VARCHAR"}}
    sql = "-- Grain: one\nwith x as (select * from fct_orders) select * from x"
    scoped = scope_query(sql, _viewer(console, "sales"), columns)
    assert re.match(r"with fct_orders as not materialized \(.*\),\s+x as", scoped.sql, re.DOTALL)
    assert scoped.values == {"scope_owners": ["per-ines"]}


def test_an_account_without_a_person_sees_no_rows_of_own_accounts(console):
    columns = {"fct_orders": {"recon_key": "VARCHAR", "sales_owner_id": "VARCHAR"}}
    viewer = _viewer(console, "sales", person_id=None)
    assert scope_query("select * from fct_orders", viewer, columns).values == {"scope_owners": []}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"roles": {"sales": {**CONTENT["roles"]["sales"], "pages": ["nowhere"]}}},
            "no area nowhere",
        ),
        ({"signed_in": [*CONTENT["signed_in"], "overview"]}, "overview stands in two places"),
        ({"roles": {}}, "administrator is missing"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(change, told):
    with pytest.raises(ValidationError, match=told):
        Policy.model_validate({**CONTENT, **change})


def test_a_policy_with_an_unknown_word_is_refused_with_its_place(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / FILE).write_text(yaml.safe_dump({**CONTENT, "pages": 1, "version": "x"}))
    settings = load_settings(home=tmp_path)
    object.__setattr__(settings, "seeds", tmp_path)
    with pytest.raises(ContractError) as refused:
        load_policy(settings)
    assert "pages:" in str(refused.value)
    assert "version:" in str(refused.value)


def _viewer(console, role, **changes):
    from console.web.guard import viewer_of

    account = console.state.store.account_of_email(f"{role}@example.com")
    return viewer_of({**account, **changes}, console.state, "s")
