"""The moment in which readers of the server go from one publication to the next.

What belongs here: what stands in the way, locks, rights, the exchange of names. What does not:
filling the next schema (`orchestration.serving.copying`).

A statement resolves the names of its tables one after another, so a bare exchange of names could
give it one table of each side. Hence every table is locked first: whoever has read one in a
transaction that goes on is waited for, whoever comes meanwhile waits and then finds the new ones.
Nobody waits for long: a lock that does not come at once is given up, and asked for again later.
"""

import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from orchestration.serving.errors import BY_HAND, ServingFailed

SCHEMA = "marts"
NEXT = "meshline_next"
BEFORE = "meshline_before"
MARK = "Meshline"
# All locks together: no reader waits longer for a swap that does not get through.
LOCK_MILLISECONDS = 200
PAUSE_SECONDS = 0.5

_NOT_NOW = (psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected)
_TABLES = """
    select c.relname, c.relkind::text, coalesce(obj_description(c.oid, 'pg_class'), '') as said,
        c.relrowsecurity as has_policies
    from pg_class as c
    where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select p.proname, 'function', '', false
    from pg_proc as p
    where p.pronamespace = to_regnamespace(%s)
    order by 1
"""
# Views and materialized views elsewhere that read a table of the schema.
_DEPENDENTS = """
    select distinct n.nspname, v.relname, v.relkind::text,
        coalesce(array_to_string(v.reloptions, ', '), '') as options
    from pg_depend as d
    inner join pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    inner join pg_class as v on r.ev_class = v.oid
    inner join pg_namespace as n on v.relnamespace = n.oid
    inner join pg_class as t on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
    where t.relnamespace = to_regnamespace(%s) and v.relnamespace <> t.relnamespace
    order by 1, 2
"""
_SCHEMA_RIGHTS = """
    select acl.privilege_type, coalesce(quote_ident(r.rolname), 'public'), acl.is_grantable
    from pg_namespace as n
    cross join lateral aclexplode(n.nspacl) as acl
    left join pg_roles as r on acl.grantee = r.oid
    where n.nspname = %s and acl.grantee <> n.nspowner
"""
# Of a table (column 0 is empty) and of single columns.
_TABLE_RIGHTS = """
    select t.relname, rights.attname, rights.privilege_type,
        coalesce(quote_ident(r.rolname), 'public'), rights.is_grantable
    from pg_class as t
    cross join lateral (
        select '' as attname, acl.* from aclexplode(t.relacl) as acl
        union all
        select a.attname::text, acl.*
        from pg_attribute as a cross join lateral aclexplode(a.attacl) as acl
        where a.attrelid = t.oid and not a.attisdropped
    ) as rights
    left join pg_roles as r on rights.grantee = r.oid
    where t.relnamespace = to_regnamespace(%s) and t.relkind = 'r' and rights.grantee <> t.relowner
    order by 1, 2, 3, 4
"""
_COLUMNS = """
    select t.relname, a.attname::text
    from pg_class as t inner join pg_attribute as a on a.attrelid = t.oid
    where t.relnamespace = to_regnamespace(%s) and t.relkind = 'r' and a.attnum > 0
        and not a.attisdropped
"""
_HOLDERS = """
    select distinct s.pid, coalesce(nullif(s.application_name, ''), s.usename, '?'),
        extract(epoch from now() - s.xact_start)::bigint
    from pg_locks as l
    inner join pg_class as t on l.relation = t.oid
    inner join pg_stat_activity as s on l.pid = s.pid
    where t.relnamespace = to_regnamespace(%s) and l.granted and s.pid <> pg_backend_pid()
    order by 3 desc nulls last limit 3
"""


def swap(connection: psycopg.Connection, patience_seconds: float) -> None:
    """Exchange the next schema for `marts` in one transaction; rights and views over it are kept.

    Args:
        connection: In autocommit; the next schema is complete.
        patience_seconds: How long readers in the middle of a transaction are waited for in all.

    Raises:
        ServingFailed: Something of somebody else stands in the way, or readers never let go.
    """
    last_try = time.monotonic() + patience_seconds
    while True:
        refuse_foreign(connection)
        try:
            with connection.transaction():
                _exchange(connection)
        except _NOT_NOW:
            if time.monotonic() > last_try:
                raise ServingFailed(_told_of_holders(connection, patience_seconds)) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return


def refuse_foreign(connection: psycopg.Connection) -> None:
    """Refuse to replace a schema in which or on which lies what a swap would destroy.

    Raises:
        ServingFailed: Names it, and where it would be safe.
    """
    here = _rows(connection, _TABLES)
    foreign = [name for name, _, said, _ in here if not said.startswith(MARK)]
    if foreign:
        raise ServingFailed(
            f"Schema {SCHEMA} of the server holds what Meshline did not put there: "
            f"{', '.join(foreign[:5])}. Move it to another schema: this one is replaced whole. "
            f"{BY_HAND}."
        )
    lost = [name for name, _, _, has_policies in here if has_policies]
    lost += [f"{s}.{name}" for s, name, kind, _ in _rows(connection, _DEPENDENTS) if kind != "v"]
    if lost:
        raise ServingFailed(
            "A swap would lose row policies or materialized views: "
            f"{', '.join(lost[:5])}. Put them on a view of your own over {SCHEMA}: "
            f"views are kept. {BY_HAND}."
        )


def _exchange(connection: psycopg.Connection) -> None:
    """The one transaction."""
    views = [(schema, name, options) for schema, name, _, options in _rows(connection, _DEPENDENTS)]
    names = [sql.Identifier(SCHEMA, name) for name, *_ in _rows(connection, _TABLES)]
    names += [sql.Identifier(schema, name) for schema, name, _ in views]
    if names:
        connection.execute(f"set local statement_timeout = {LOCK_MILLISECONDS}")
        connection.execute(
            sql.SQL("lock table {} in access exclusive mode").format(sql.SQL(", ").join(names))
        )
        connection.execute("set local statement_timeout = 0")
    definitions = [_definition(connection, schema, name) for schema, name, _ in views]
    has_before = connection.execute("select to_regnamespace(%s)", [SCHEMA]).fetchone() != (None,)
    if has_before:
        _copy_rights(connection)
        connection.execute(f"alter schema {SCHEMA} rename to {BEFORE}")
    connection.execute(f"alter schema {NEXT} rename to {SCHEMA}")
    for (schema, name, options), text in zip(views, definitions, strict=True):
        _put_view(connection, sql.Identifier(schema, name), options, text)
    if has_before:
        connection.execute(f"drop schema {BEFORE} cascade")


def _definition(connection: psycopg.Connection, schema: str, name: str) -> str:
    row = connection.execute(
        "select pg_get_viewdef(format('%%I.%%I', %s::text, %s::text)::regclass)", [schema, name]
    ).fetchone()
    return row[0] if row is not None else ""


def _put_view(
    connection: psycopg.Connection, view: sql.Identifier, options: str, text: str
) -> None:
    """Let a view of somebody else read the new tables; its rights and options stay."""
    kept = sql.SQL(f" with ({options})" if options else "")
    try:
        connection.execute(
            sql.SQL("create or replace view {}{} as ").format(view, kept) + sql.SQL(text)
        )
    except psycopg.errors.ProgrammingError as error:
        raise ServingFailed(
            f"View {view.as_string(connection)} cannot read the new tables: "
            f"{error.diag.message_primary}. Change or drop it. {BY_HAND}."
        ) from error


def _copy_rights(connection: psycopg.Connection) -> None:
    """Give the next schema the rights of this one.

    Who could read every table may read the new ones; a right on what is gone goes with it.
    """
    there = {(table, column) for table, column in _rows(connection, _COLUMNS, NEXT)}
    tables = {table for table, _ in there}
    had = {table for table, _ in _rows(connection, _COLUMNS)}
    for privilege, role, is_grantable in _rows(connection, _SCHEMA_RIGHTS):
        _grant(connection, privilege, "schema", sql.Identifier(NEXT), role, is_grantable)
    on_all: dict[tuple[str, str, bool], set[str]] = {}
    for table, column, privilege, role, is_grantable in _rows(connection, _TABLE_RIGHTS):
        place = sql.Identifier(NEXT, table)
        if not column:
            on_all.setdefault((privilege, role, is_grantable), set()).add(table)
        if not column and table in tables:
            _grant(connection, privilege, "table", place, role, is_grantable)
        elif (table, column) in there:
            _grant(connection, privilege, "table", place, role, is_grantable, column)
    for (privilege, role, is_grantable), held in on_all.items():
        for table in sorted(tables - had) if had <= held else ():
            place = sql.Identifier(NEXT, table)
            _grant(connection, privilege, "table", place, role, is_grantable)


def _grant(
    connection: psycopg.Connection,
    privilege: str,
    kind: str,
    place: sql.Identifier,
    role: str,
    is_grantable: bool,  # noqa: FBT001, a column of the catalog
    column: str = "",
) -> None:
    """Grant as the catalog says it: privilege and role come from there, quoted by the server."""
    columns = sql.SQL(" ({})").format(sql.Identifier(column)) if column else sql.SQL("")
    connection.execute(
        sql.SQL("grant {}{} on {} {} to {}{}").format(
            sql.SQL(privilege),
            columns,
            sql.SQL(kind),
            place,
            sql.SQL(role),
            sql.SQL(" with grant option" if is_grantable else ""),
        )
    )


def _told_of_holders(connection: psycopg.Connection, patience_seconds: float) -> str:
    holders = [
        f"{name} (process {pid}, {seconds or 0} s)"
        for pid, name, seconds in _rows(connection, _HOLDERS)
    ]
    return (
        f"Readers held the tables of the server for {patience_seconds:.0f} s: "
        f"{', '.join(holders) or 'none of them any more'}. A transaction that reads sees one "
        f"publication, so it has to end first: close those sessions. {BY_HAND}."
    )


def _rows(
    connection: psycopg.Connection, query: str, schema: str = SCHEMA
) -> Sequence[tuple[Any, ...]]:
    return connection.execute(query, [schema] * query.count("%s")).fetchall()
