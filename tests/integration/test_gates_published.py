"""The published gate: marts that break what readers were promised are not published (R-V5)."""

import csv

import pytest
import yaml

import expectations
from expectations import run_published_gate
from expectations.published_contract import PROMISES
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse.connection import reader, writer
from tests.integration.gates_support import home_settings

SEEDS = PROJECT_ROOT / "seeds"
MODELS = PROJECT_ROOT / "dbt_project" / "models" / "marts"
_CODES = ("currencies", "legs", "states", "residual_classes", "exception_classes")


def _contract_types() -> dict[str, dict[str, str]]:
    """Columns and types of each mart as its dbt contract has them."""
    documents = [yaml.safe_load(path.read_text()) for path in sorted(MODELS.rglob("*.yml"))]
    return {
        model["name"]: {
            column["name"]: column["data_type"].replace("string", "varchar")
            for column in model["columns"]
        }
        for document in documents
        for model in document.get("models", [])
    }


CONTRACT_TYPES = _contract_types()


def _typical(table: str, column: str) -> str:
    codes = PROMISES[table].codes.get(column)
    if codes is not None:
        found = {
            "currency_code": "EUR",
            "leg_code": "payment",
            "residual_class": "NONE",
            "exception_code": "PAY_MISSING",
            "ticket_state_code": "open",
        }
        return f"'{codes.listed[0] if codes.listed else found.get(column, 'matched')}'"
    return {
        "varchar": f"'{column}-' || i",
        "boolean": "false",
        "date": "date '2026-01-01'",
        "timestamp": "timestamp '2026-01-01 10:00:00'",
    }.get(CONTRACT_TYPES[table][column], "i")


@pytest.fixture(scope="module", autouse=True)
def _warm():
    expectations.warm()


@pytest.fixture
def settings(tmp_path):
    """A home whose marts hold ten good rows each."""
    settings = home_settings(tmp_path / "home")
    with writer(settings) as connection:
        connection.execute("create schema marts")
        connection.execute("create schema seeds")
        for name in _CODES:
            (path,) = SEEDS.rglob(f"{name}.csv")
            with path.open(encoding="utf-8") as file:
                header = next(csv.reader(file))
            columns = ", ".join(f"'{column}': 'varchar'" for column in header)
            connection.execute(
                f"create table seeds.{name} as"
                f" select * from read_csv('{path}', header = true, columns = {{{columns}}})"
            )
        for table in PROMISES:
            cells = ", ".join(
                f"cast({_typical(table, column)} as {data_type}) as {column}"
                for column, data_type in CONTRACT_TYPES[table].items()
            )
            connection.execute(f"create table marts.{table} as select {cells} from range(10) t(i)")
    return settings


def _change(settings, statement: str) -> None:
    with writer(settings) as connection:
        connection.execute(statement)


def _failed(report):
    return {
        (check.suite, check.expectation, check.unexpected_count)
        for check in report.blocking_failures
    }


def test_every_promised_column_is_in_the_contract_of_its_model():
    for table, promise in PROMISES.items():
        promised = {*promise.key, *promise.filled, *promise.columns, *promise.codes}
        assert promised - set(CONTRACT_TYPES[table]) == set(), table


def test_every_seed_with_codes_has_their_column():
    for promise in PROMISES.values():
        for codes in promise.codes.values():
            if codes.seed:
                (path,) = SEEDS.rglob(f"{codes.seed}.csv")
                assert codes.column in path.read_text(encoding="utf-8").splitlines()[0].split(",")


def test_marts_that_keep_their_promises_pass(settings):
    report = run_published_gate(settings, 1)

    assert report.passed, report.message()
    assert report.gate == "published"
    assert {check.suite for check in report.checks} == {
        "marts.tables",
        *(f"marts.{table}" for table in PROMISES),
    }


def test_empty_marts_pass(settings):
    for table in PROMISES:
        _change(settings, f"delete from marts.{table}")

    assert run_published_gate(settings, 1).passed


@pytest.mark.parametrize("empty", ["null", "''"])
def test_an_empty_key_blocks_and_names_its_row(settings, empty):
    _change(settings, f"update marts.fct_orders set order_id = {empty} where recon_key like '%-3'")

    report = run_published_gate(settings, 7)

    assert _failed(report) == {("marts.fct_orders", "promised_values_are_there", 1)}
    with reader(settings.warehouse) as connection:
        assert connection.execute(
            "select run_no, gate, stream, native_key, recon_key, severity from gates.failed_rows"
        ).fetchall() == [
            (7, "published", "fct_orders", "recon_key-3", "recon_key-3", "critical"),
        ]


def test_a_missing_total_blocks(settings):
    _change(settings, "update marts.fct_order_legs set matched_amount = null")

    assert _failed(run_published_gate(settings, 1)) == {
        ("marts.fct_order_legs", "promised_values_are_there", 10)
    }


def test_a_code_that_the_taxonomy_does_not_list_blocks(settings):
    _change(settings, "update marts.fct_exceptions set exception_code = 'PAY_ODD'")

    assert _failed(run_published_gate(settings, 1)) == {
        ("marts.fct_exceptions", "exception_code_in_allowed_values", 10)
    }


def test_a_missing_table_blocks(settings):
    _change(settings, "drop table marts.fct_source_accounting")

    assert _failed(run_published_gate(settings, 1)) == {
        ("marts.tables", "promised_tables_are_there", 1)
    }


def test_a_missing_column_blocks_once_and_is_named(settings):
    _change(settings, "alter table marts.fct_orders drop column tenant")

    report = run_published_gate(settings, 1)

    assert _failed(report) == {("marts.fct_orders", "columns_and_types", 1)}
    (check,) = report.blocking_failures
    assert check.details["columns"] == {"tenant": {"expected": "any", "found": "missing"}}


def test_an_exception_about_a_whole_file_belongs_to_no_tenant_and_no_leg(settings):
    _change(
        settings, "update marts.fct_exceptions set tenant = '', leg_code = '', recon_key = null"
    )

    assert run_published_gate(settings, 1).passed
