"""Suites follow from contracts and policy; the policy file is checked as a whole."""

from datetime import UTC, date, datetime, timedelta, timezone

import duckdb
import pytest

from expectations.plan import AllowedValues, ColumnTypes, RowRule, Severity
from expectations.policy import SourcePolicy, Systemic, Volume, load_policy
from expectations.published_contract import PROMISES
from expectations.source_suites import files_suite, stream_suite
from orchestration.connectors.contracts import load_contracts
from orchestration.core.errors import ContractError
from orchestration.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"
CONTRACTS = load_contracts(SEEDS)
STREAMS = [stream for contract in CONTRACTS.values() for stream in contract.streams.values()]
AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)
POLICY = SourcePolicy(
    version=1,
    earliest_on=date(1980, 1, 1),
    latest_on=date(2199, 12, 31),
    future_hours=24,
    systemic=Systemic(least_rows=100, least_per_mille=100),
    volume=Volume(
        least_deliveries=5,
        least_per_mille=100,
        most_per_mille=10_000,
        most_rejected_per_mille=50,
    ),
)


def _suite(source: str, stream: str):
    return stream_suite(
        CONTRACTS[source].streams[stream], POLICY, after_load_seq=7, as_of=AS_OF, row_count=3
    )


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.table)
def test_every_stream_has_a_suite_whose_checks_have_names_of_their_own(stream):
    suite = stream_suite(stream, POLICY, after_load_seq=0, as_of=AS_OF, row_count=1)

    names = [check.name for check in suite.checks]
    assert len(names) == len(set(names))
    assert {"columns_and_types", "key_is_complete"} <= set(names)


def test_allowed_values_of_a_contract_become_critical_checks():
    checks = [check for check in _suite("generic", "orders").checks if check.name.startswith("st")]

    assert checks == [AllowedValues("status", ("draft", "confirmed", "cancelled", "closed"))]
    assert checks[0].severity is Severity.CRITICAL


def test_columns_of_the_contract_and_of_the_loader_are_asked_with_their_types():
    (check,) = [
        check for check in _suite("generic", "orders").checks if isinstance(check, ColumnTypes)
    ]
    assert check.types["total_amount"] == "decimal(18,4)"
    assert check.types["_key_hash"] == "uhugeint"


def test_only_rows_of_later_deliveries_that_are_not_deletions_are_judged():
    assert _suite("generic", "orders").rows_sql == (
        'select * from raw."generic__orders" where _load_seq > 7'
        " and not coalesce(_is_deleted, false)"
    )


@pytest.mark.parametrize(
    ("tenant", "system", "instance", "key"),
    [
        ("main", "generic", "", "O-1/2"),
        ("acme", "generic", "", "acme/O-1/2"),
        ("main", "shop", "eu", "shop/eu/O-1/2"),
    ],
)
def test_a_row_is_named_by_its_native_key_and_by_a_scope_that_is_not_the_usual(
    tenant, system, instance, key
):
    names = _suite("generic", "order_lines").names
    assert duckdb.execute(
        f'select {names.native_key} from (select ? as tenant, ? as "system",'
        " ? as instance, 'O-1' as order_id, '2' as line_no)",
        [tenant, system, instance],
    ).fetchone() == (key,)


def test_a_contract_without_scope_names_a_row_by_its_key():
    names = _suite("olist", "order_items").names
    assert names.columns == ("_load_seq", "_line", "order_id", "order_item_id")


def test_events_may_lie_ahead_by_the_hours_of_the_policy_and_a_due_date_by_any():
    (check,) = [
        check
        for check in _suite("generic", "invoices").checks
        if check.name == "events_are_not_ahead"
    ]
    assert isinstance(check, RowRule)
    assert check.columns == ("issued_at", "updated_at")
    assert "timestamp '2026-06-02 12:00:00.000000'" in check.condition
    assert check.severity is Severity.INFO


def test_a_moment_in_another_zone_gives_the_same_limit():
    local = AS_OF.astimezone(timezone(timedelta(hours=-5)))
    contract = CONTRACTS["generic"].streams["orders"]
    one = stream_suite(contract, POLICY, after_load_seq=0, as_of=AS_OF, row_count=1)
    other = stream_suite(contract, POLICY, after_load_seq=0, as_of=local, row_count=1)
    assert one == other


def test_rules_of_people_are_appended_to_the_suite_of_their_stream():
    names = {check.name for check in _suite("generic", "settlement_lines").checks}
    assert "net_is_gross_less_deductions" in names


def test_deliveries_are_judged_by_size_and_rejects():
    names = [check.name for check in files_suite(POLICY, after_load_seq=0, row_count=1).checks]
    assert names == ["size_is_usual", "few_rows_are_rejected"]


@pytest.mark.parametrize(
    ("failing", "judged", "holds"),
    [(99, 99, False), (100, 1000, True), (100, 1001, False), (1000, 5000, True), (0, 0, False)],
)
def test_failures_are_systemic_by_number_and_share(failing, judged, holds):
    assert POLICY.systemic.holds(failing=failing, judged=judged) is holds


def test_the_policy_file_of_the_project_is_valid():
    assert load_policy(SEEDS).version >= 1


def test_every_problem_of_the_policy_file_is_named_at_once(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "source_plausibility.yml").write_text(
        "version: 0\nearliest_on: 1980-01-01\nlatest_on: soon\nfuture_hours: 24\nsystemic: {}\n"
    )
    with pytest.raises(ContractError) as error:
        load_policy(tmp_path)
    for part in ("version", "latest_on", "systemic.least_rows", "volume"):
        assert part in str(error.value)


@pytest.mark.parametrize("content", ["a: [", None], ids=["broken", "missing"])
def test_a_policy_file_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "rules").mkdir()
    if content is not None:
        (tmp_path / "rules" / "source_plausibility.yml").write_text(content)
    with pytest.raises(ContractError, match=r"source_plausibility\.yml"):
        load_policy(tmp_path)


def test_a_promise_names_each_column_once():
    for promise in PROMISES.values():
        named = (*promise.key, *promise.filled, *promise.columns)
        assert len(named) == len(set(named))
