"""Fingerprints tell any difference in a mart, and nothing but differences."""

from datetime import UTC, datetime

import duckdb
import pytest

from orchestration.warehouse.fingerprints import (
    compute_fingerprints,
    is_business_column,
    record_fingerprints,
)

NOW = datetime(2026, 6, 30, tzinfo=UTC)


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute("create schema marts")
        opened.execute("create schema ops")
        opened.execute("create table ops.runs (run_no bigint, status varchar)")
        yield opened


def fingerprint_of(connection, sql):
    connection.execute(f"create or replace table marts.t as {sql}")
    (found,) = compute_fingerprints(connection)
    return found.row_count, found.fingerprint


def test_the_order_of_rows_and_columns_does_not_matter(connection):
    one = fingerprint_of(connection, "select i as a, i * 2 as b from range(100) as r(i)")
    other = fingerprint_of(
        connection, "select i * 2 as b, i as a from range(100) as r(i) order by i desc"
    )
    assert one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 1 as a", "select 2 as a"),
        ("select null as a", "select '' as a"),
        ("select 'x' as a, null as b", "select null as a, 'x' as b"),
        ("select 'ab' as a, 'c' as b", "select 'a' as a, 'bc' as b"),
        ("select 1.10::decimal(9, 2) as a", "select 1.1::decimal(9, 1) as a"),
        (
            "select 1 as a union all select 1 union all select 2",
            "select 1 as a union all select 2 union all select 2",
        ),
        ("select 1 as a union all select 1", "select 2 as a union all select 2"),
        ("select 1 as a where false", "select 1 as a"),
    ],
)
def test_different_rows_have_different_fingerprints(connection, one, other):
    assert fingerprint_of(connection, one) != fingerprint_of(connection, other)


def test_large_tables_are_summed_exactly(connection):
    sql = "select i % 7 as a from range(300000) as r(i)"
    assert fingerprint_of(connection, sql) == fingerprint_of(connection, sql + " order by hash(i)")


def test_what_names_the_run_is_no_business_column():
    names = ("run_no", "run_id", "known_from", "known_to", "knowledge", "recon_key")
    assert [name for name in names if is_business_column("fct_orders", name)] == [
        "knowledge",
        "recon_key",
    ]


def test_history_is_kept_for_runs_that_published_and_for_this_one(connection):
    connection.execute(
        "insert into ops.runs values (1, 'published'), (2, 'failed'), (3, 'running')"
    )
    connection.execute("create table marts.fct_orders as select 1 as a")
    connection.execute("create table marts.fct_state_changes as select 1 as a")
    for run_no in (1, 2, 3, 3):
        record_fingerprints(connection, run_no=run_no, as_of=NOW)
    rows = connection.execute(
        "select run_id, run_no, as_of, table_name, row_count from marts.run_fingerprints order by 2"
    ).fetchall()
    moment = NOW.replace(tzinfo=None)
    assert rows == [
        ("run_1", 1, moment, "fct_orders", 1),
        ("run_3", 3, moment, "fct_orders", 1),
    ]


def test_a_hostile_column_name_is_quoted(connection):
    count, _ = fingerprint_of(connection, 'select 1 as "a""; drop table t; --"')
    assert count == 1
