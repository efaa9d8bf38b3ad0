"""R-B2, R-B5: what was known at a past moment can be asked for, and built again."""

import duckdb

from tests.integration.run_homes import meshline
from tests.scenarios.running import AS_OF

KNOWN_THEN = """
with then_known as (
    select columns(c -> c in ({columns}))
    from known.marts.{table}_as_known(timestamp '{moment}')
),
then_published as (
    select columns(c -> c in ({columns})) from past.marts.{table}
)
select count(*) from (
    (from then_known except from then_published)
    union all
    (from then_published except from then_known)
)
"""
TABLES = ("fct_orders", "fct_order_legs", "fct_exceptions")


def _compare(home, table: str, moment: str) -> int:
    """How many rows of a mart, as known at a moment, differ from what was published then."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home}/serving/run_2.duckdb' as known (read_only)")
        connection.execute(f"attach '{home}/serving/run_1.duckdb' as past (read_only)")
        connection.execute("use known")
        columns = connection.execute(
            "select string_agg('''' || column_name || '''', ', ') from duckdb_columns() "
            "where database_name = 'past' and table_name = ?",
            [table],
        ).fetchone()[0]
        sql = KNOWN_THEN.format(columns=columns, table=table, moment=moment)
        return connection.execute(sql).fetchone()[0]


def test_what_the_first_run_published_is_what_is_known_of_its_moment(home):
    for table in TABLES:
        assert _compare(home, table, AS_OF[0][:19]) == 0, table


def test_a_moment_between_two_runs_knows_what_the_first_one_said(home):
    for table in TABLES:
        assert _compare(home, table, "2026-11-20 13:00:00") == 0, table


def test_now_is_known_as_it_is_and_before_the_first_run_nothing_was(home):
    with duckdb.connect(str(home / "serving" / "run_2.duckdb"), read_only=True) as connection:
        for table in TABLES:
            now, known, early = connection.execute(
                f"select (select count(*) from marts.{table}), "
                f"(select count(*) from marts.{table}_as_known(timestamp '2026-11-21')), "
                f"(select count(*) from marts.{table}_as_known(timestamp '2026-11-19'))"
            ).fetchone()
            assert (known, early) == (now, 0), table


def test_something_changed_between_the_runs(home):
    """Else the tests above would hold for nothing."""
    with duckdb.connect(str(home / "serving" / "run_2.duckdb"), read_only=True) as connection:
        kept = connection.execute(
            "select (select count(*) from marts.fct_orders_history), "
            "(select count(*) from marts.fct_exceptions_history where is_gone)"
        ).fetchone()
    assert kept[0] > 0
    assert kept[1] > 0


def test_the_first_run_can_be_built_again_without_a_difference(home, tmp_path):
    said = meshline("replay", "--home", home, "--as-of", "2026-11-20T12:00:00Z", "--json")
    assert said.exit_code == 0, said.stdout + said.stderr
    found = said.document
    assert found["run_no"] == 1
    assert found["differences"] == []
    assert found["tables"] > 10


def test_a_moment_before_the_first_run_is_refused_with_a_sentence(home):
    said = meshline("replay", "--home", home, "--as-of", "2026-11-19")
    assert said.exit_code == 2
    assert (
        "No run had published by 2026-11-19 00:00:00 UTC; the first is of 2026-11-20" in said.stderr
    )
