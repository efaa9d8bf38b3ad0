"""What was known when: the rows of four marts that a later publication replaced.

What belongs here: keeping the replaced rows, and the macros that answer "as known at". What does
not: business validity (`valid_from`, that is SQL) and the history of states (a model). The runner
and the publisher import this.

Only what changed is kept: a row that was published by one run and differs, or is gone, in the next
is stored with the moment until which it was known; a key that is new is stored as having been
absent. So the first run costs nothing, and later ones what they change. Together with the current
marts, `marts.<table>_as_known(moment)` of a publication gives each of them as it was at any moment.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from orchestration.warehouse.connection import literal, quoted

SCHEMA = "history"
MARTS = "marts"
# Table of schema marts to the columns that make a row of it.
REMEMBERED: Mapping[str, tuple[str, ...]] = {
    "fct_orders": ("recon_key",),
    "fct_order_lines": ("recon_key", "version_no", "line_key"),
    "fct_order_legs": ("recon_key", "leg_code"),
    "fct_exceptions": ("exception_id",),
}
_OWN_COLUMNS = ("history_run_no", "known_to", "is_gone", "is_absent")
_CURRENT = "current_database()"


def forget_unpublished(connection: DuckDBPyConnection, published_run_no: int) -> None:
    """Remove what runs had kept that then published nothing; safe to call at any time."""
    for table in _tables(connection, _CURRENT, SCHEMA):
        connection.execute(
            f"delete from {SCHEMA}.{quoted(table)} where history_run_no > ?",
            [published_run_no],
        )


def keep_replaced(
    connection: DuckDBPyConnection,
    published: Path | None,
    *,
    published_run_no: int,
    run_no: int,
    as_of: datetime,
) -> int:
    """Store what the publication still says and the marts no longer do; safe to call twice.

    Args:
        connection: A writer of the warehouse; the marts are built.
        published: The published file; None when there is none, then nothing was known before.
        published_run_no: The run that published it, 0 for none.
        run_no: The run that built the marts.
        as_of: Its moment, aware UTC: until then the replaced rows were known.

    Returns:
        Number of rows kept.
    """
    connection.execute(f"create schema if not exists {SCHEMA}")
    for table in REMEMBERED:
        _ensure_table(connection, table)
    forget_unpublished(connection, published_run_no)
    if published is None:
        return 0
    connection.execute(f"attach {literal(str(published))} as published (read_only)")
    try:
        moment = as_of.astimezone(UTC).replace(tzinfo=None)
        return sum(
            _keep(connection, table, run_no, moment)
            for table in sorted(_tables(connection, literal("published"), MARTS))
            if table in REMEMBERED
        )
    finally:
        connection.execute("detach published")


def create_macros(connection: DuckDBPyConnection, database: str) -> None:
    """Write `marts.<table>_as_known(moment)` into a publication that has marts and histories.

    Before the first run nothing was known, so an earlier moment gives no row. Of each key the row
    that was replaced first after the moment was known at it, else the current one: one window over
    both, so that a condition on the key reads the rows of that key alone.
    """
    row = connection.execute("select current_database()").fetchone()
    before = row[0] if row is not None else ""
    connection.execute(f"use {quoted(database)}")  # a macro's body is bound where it is made
    for table, key in REMEMBERED.items():
        columns = _columns(connection, literal(database), MARTS, f"{table}_history")
        if not columns:
            continue
        names = ", ".join(quoted(one) for one in columns if one not in _OWN_COLUMNS)
        keys = ", ".join(quoted(one) for one in key)
        connection.execute(f"""
            create macro {MARTS}.{quoted(f"{table}_as_known")}(moment) as table
            with known as not materialized (
                select {names}, known_to as known_until, is_absent
                from {MARTS}.{quoted(f"{table}_history")}
                where known_to > moment
                union all
                select {names}, timestamp 'infinity' as known_until, false as is_absent
                from {MARTS}.{quoted(table)}
            )
            select {names} from known
            where moment >= (select min(as_of) from {MARTS}.run_fingerprints)
            qualify row_number() over (partition by {keys} order by known_until) = 1
                and not is_absent
        """)
    connection.execute(f"use {quoted(before)}")


def _ensure_table(connection: DuckDBPyConnection, table: str) -> None:
    """Make the history of a mart, or give it the columns that the mart has gained."""
    if not _columns(connection, _CURRENT, MARTS, table):
        return
    place = f"{SCHEMA}.{quoted(table)}"
    connection.execute(f"""
        create table if not exists {place} as
        select *, cast(0 as bigint) as history_run_no, cast(null as timestamp) as known_to,
            false as is_gone, false as is_absent
        from {MARTS}.{quoted(table)}
        limit 0
    """)
    kept = _columns(connection, _CURRENT, SCHEMA, table)
    for name, kind in _columns(connection, _CURRENT, MARTS, table).items():
        if name not in kept:
            connection.execute(f"alter table {place} add column {quoted(name)} {kind}")
    connection.execute(
        f"create or replace view {MARTS}.{quoted(f'{table}_history')} as select * from {place}"
    )


def _keep(connection: DuckDBPyConnection, table: str, run_no: int, moment: datetime) -> int:
    """Store the replaced rows of one mart."""
    before = _columns(connection, literal("published"), MARTS, table)
    names = [one for one in _columns(connection, _CURRENT, MARTS, table) if one in before]
    key = [quoted(one) for one in REMEMBERED[table]]
    same_key = " and ".join(f"before.{one} = now.{one}" for one in key)
    values = [quoted(one) for one in names if one not in REMEMBERED[table]]
    old_values = ", ".join(f"before.{one}" for one in values)
    new_values = ", ".join(f"now.{one}" for one in values)
    all_names = ", ".join(quoted(one) for one in names)
    old_names = ", ".join(f"before.{quoted(one)}" for one in names)
    no_values = ", ".join(
        f"now.{quoted(one)}" if one in REMEMBERED[table] else f"null as {quoted(one)}"
        for one in names
    )
    kept = connection.execute(
        f"""
        insert into {SCHEMA}.{quoted(table)}
            ({all_names}, history_run_no, known_to, is_gone, is_absent)
        select {old_names}, $run_no, $moment, now.{key[0]} is null, false
        from published.{MARTS}.{quoted(table)} as before
        left join {MARTS}.{quoted(table)} as now on {same_key}
        where now.{key[0]} is null or row({old_values}) is distinct from row({new_values})
        union all
        select {no_values}, $run_no, $moment, false, true
        from {MARTS}.{quoted(table)} as now
        left join published.{MARTS}.{quoted(table)} as before on {same_key}
        where before.{key[0]} is null
        """,
        {"run_no": run_no, "moment": moment},
    ).fetchone()
    return int(kept[0]) if kept is not None else 0


def _tables(connection: DuckDBPyConnection, database: str, schema: str) -> set[str]:
    """Names of the tables of a schema; `database` is SQL."""
    rows = connection.execute(
        "select table_name from duckdb_tables() "
        f"where database_name = {database} and schema_name = ?",
        [schema],
    ).fetchall()
    return {row[0] for row in rows}


def _columns(
    connection: DuckDBPyConnection, database: str, schema: str, table: str
) -> dict[str, str]:
    """Columns of a relation with their types, in order; empty when it is not there."""
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        f"where database_name = {database} and schema_name = ? and table_name = ? "
        "order by column_index",
        [schema, table],
    ).fetchall()
    return {row[0]: row[1] for row in rows}
