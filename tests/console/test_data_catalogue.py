"""The data catalogue and the single checks of a run: whole, linked, for those who may."""

import re
from datetime import UTC, datetime

import pytest

from orchestration.dbt_runs import target_of
from orchestration.reading.catalogue import manifest_of, read_catalogue
from orchestration.warehouse.run_checks import RunCheck, read_checks, write_checks
from tests.console.people import open_console, text_of
from tests.integration.run_homes import copy_home


@pytest.fixture(scope="module")
def finance(console):
    return console.client("finance")


@pytest.fixture(scope="module")
def known(console):
    return read_catalogue(manifest_of(console.state.config.settings))


def test_it_reads_what_dbt_wrote(console, known):
    settings = console.state.config.settings
    assert manifest_of(settings) == target_of(settings) / "manifest.json"
    orders = known.nodes["marts.fct_orders"]
    assert orders.notes.splitlines()[0].startswith("Grain: one row per recon_key")
    assert "orders.int_orders" in orders.reads
    assert orders.key in known.nodes["orders.int_orders"].read_by
    assert {column.name for column in orders.columns} >= {"recon_key", "total_amount"}
    assert next(each for each in orders.columns if each.name == "recon_key").is_required


def test_every_test_says_what_must_hold_and_what_to_do(known):
    assert len(known.tests) > 90
    assert [test.test_id for test in known.tests.values() if not test.promise] == []
    assert [test.test_id for test in known.tests.values() if not test.remedy] == []
    assert [test.test_id for test in known.tests.values() if not test.subjects] == []


def test_every_mart_is_described_with_its_columns(finance, known):
    marts = [node for node in known.nodes.values() if node.schema == "marts"]
    assert len(marts) > 25
    page = finance.get("/catalogue").text
    for node in marts:
        assert f'href="/catalogue/{node.key}"' in page
        assert node.description
        assert all(column.description for column in node.columns), node.key


def test_a_model_shows_columns_lineage_tests_and_proofs(finance):
    answer = finance.get("/catalogue/marts.fct_settlement_batches")
    text = text_of(answer.text)
    for words in ("batch_id", "Made from", "Read by", "Proofs of its rules", "held run 1"):
        assert words in text
    for address in set(re.findall(r'href="(/catalogue/[^"]+)"', answer.text)):
        assert finance.get(address).status_code == 200, address


def test_it_is_searched_by_column(finance):
    text = finance.get("/catalogue", params={"q": "bank_amount batch"}).text
    assert "marts.fct_settlement_batches" in text
    assert "marts.fct_orders" not in text
    assert "Nothing has" in finance.get("/catalogue", params={"q": "no-such-word"}).text


@pytest.mark.parametrize("key", ["marts.nothing", "..%2f..%2fetc", "fct_orders"])
def test_what_is_not_there_is_said(finance, key):
    assert finance.get(f"/catalogue/{key}").status_code == 404


@pytest.mark.parametrize("path", ["/catalogue", "/catalogue/marts.fct_orders", "/runs/checks"])
def test_only_those_who_may(console, path):
    assert console.client("sales").get(path).status_code == 403
    assert console.client("platform").get(path).status_code == 200
    assert console.visitor().get(path).status_code == 303


def test_a_home_whose_models_nobody_described_says_so(tmp_path):
    opened = open_console(tmp_path / "home")
    assert "Nothing is described yet" in opened.client("control").get("/catalogue").text
    assert "No checks are kept yet" in opened.client("control").get("/runs/checks").text
    opened.close()


def test_a_manifest_that_is_being_written_is_waited_for(first_run, tmp_path):
    opened = open_console(copy_home(first_run[0], tmp_path))
    control, path = opened.client("control"), manifest_of(opened.state.config.settings)
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    assert "Nothing is described yet" in control.get("/catalogue").text
    path.write_text(whole)
    assert "fct_orders" in control.get("/catalogue").text
    opened.close()


def test_every_check_of_a_run_is_listed(console, finance, known):
    kept = read_checks(console.state.config.settings, 1)
    dbt = {one.name for one in kept.checks if one.made_by == "dbt"}
    assert dbt == set(known.tests)
    text = finance.get("/runs/checks").text
    assert f"{len(kept.checks)} of {len(kept.checks)} checks" in text
    runs = finance.get("/runs").text
    assert f"{len(dbt)} of {len(dbt)}" in runs


def test_what_failed_stands_first_with_its_rows_and_what_to_do(first_run, tmp_path):
    opened = open_console(copy_home(first_run[0], tmp_path))
    settings = opened.state.config.settings
    kept = read_checks(settings, 1)
    broken = next(one.name for one in kept.checks if "assert_one_fact" in one.name)
    gate = ("source", "generic.orders", "total", "critical", "fail", 40, 7, "Ask the <source>.")
    checks = [
        *kept.checks,
        RunCheck("dbt", "", broken, "critical", "fail", None, 1234, ""),
        RunCheck("dbt", "", "test.meshline.gone", "critical", "skipped", None, 0, ""),
        RunCheck(*gate),
    ]
    write_checks(settings, 2, datetime(2026, 6, 30, tzinfo=UTC), checks)
    control = opened.client("control")
    text = text_of(control.get("/runs/checks").text)
    told = ("One fact has one exception", "Ask the <source>.", "mend that first")
    assert sorted(told, key=text.index) == list(told)
    assert "two tickets for one difference" in text
    assert "1,234" in text
    assert "What it judges was not built" in text
    only = text_of(control.get("/runs/checks", params={"by": "source", "status": "fail"}).text)
    assert "1 of " in only
    assert "Ask the <source>." in text_of(control.get("/runs").text)
    assert "of run 1" in control.get("/runs/checks", params={"run": 1}).text
    assert control.get("/runs/checks", params={"run": 3}).status_code == 404
    opened.close()
