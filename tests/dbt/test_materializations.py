"""How tables and views are made: whatever lay under the name, one relation lies there after."""

import duckdb

TABLE, VIEW = "matching.int_feed_gaps", "calendars.int_currency_calendars"


def relations(home) -> dict[str, str]:
    with duckdb.connect(home.settings.warehouse) as warehouse:
        rows = warehouse.execute(
            "select table_schema || '.' || table_name, table_type from information_schema.tables"
        ).fetchall()
    return dict(rows)


def build(home) -> None:
    names = [name.split(".")[1] for name in (TABLE, VIEW)]
    done = home.dbt("run", "--select", *names)
    assert done.returncode == 0, done.stdout


def test_a_relation_of_the_other_kind_gives_way(built_home):
    before = relations(built_home)
    with duckdb.connect(built_home.settings.warehouse) as warehouse:
        warehouse.execute(f"drop table {TABLE}")
        warehouse.execute(f"create view {TABLE} as select 1 as left_over")
        warehouse.execute(f"drop view {VIEW}")
        warehouse.execute(f"create table {VIEW} as select 1 as left_over")
    build(built_home)
    assert (before[TABLE], before[VIEW]) == ("BASE TABLE", "VIEW")
    assert relations(built_home) == before


def test_what_is_built_again_leaves_nothing_beside_it(built_home):
    before = relations(built_home)
    build(built_home)
    assert relations(built_home) == before


def test_a_mart_that_breaks_its_contract_is_refused_and_the_old_one_stays(built_home):
    source = "states.int_audit_events"
    with duckdb.connect(built_home.settings.warehouse) as warehouse:
        before = warehouse.execute("describe marts.fct_audit_events").fetchall()
        warehouse.execute(f"alter view {source} rename to aside")
        warehouse.execute(
            f"create view {source} as "
            "select * replace (cast(event_seq as varchar) as event_seq) from states.aside"
        )
    done = built_home.dbt("run", "--select", "fct_audit_events")
    with duckdb.connect(built_home.settings.warehouse) as warehouse:
        after = warehouse.execute("describe marts.fct_audit_events").fetchall()
        warehouse.execute(f"drop view {source}")
        warehouse.execute("alter view states.aside rename to int_audit_events")
    assert done.returncode == 1
    assert "event_seq" in done.stdout
    assert "contract" in done.stdout
    assert after == before
