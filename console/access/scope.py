"""Row and column limits of a role, put before every query.

What belongs here: how a mart is cut to what a viewer may see. What does not: the queries.

Queries of the console name marts without their schema. Each name becomes a common table expression
that reads `marts.<name>` with the viewer's limits, so a query, a panel or a download cannot forget
them. A mart that cannot be cut (it has neither an order, an owner nor a segment) is empty for a
viewer who sees a part only, unless it is named in `FREE`: figures of feeds and runs alone.

`<mart>_as_known` is a mart as it was known at `$as_known_at`. Rows of the past are cut by the
orders that the viewer may see now: whoever may open an order may see what was known of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.access.viewer import Viewer
from orchestration.core.errors import ReconError

Columns = Mapping[str, Mapping[str, str]]
FREE = frozenset({"run_fingerprints", "fct_gate_checks", "fct_files", "platform_feed_health"})
ORDERS = "fct_orders"
EXCEPTIONS = "fct_exceptions"
AS_KNOWN, HISTORY = "_as_known", "_history"
# Columns that a history has beside those of its mart.
_OF_HISTORY = frozenset({"history_run_no", "known_to", "is_gone", "is_absent"})
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_OPENING_WITH = re.compile(r"\s*with\b", re.IGNORECASE)
_NAMES_SCHEMA = re.compile(r"\b(marts|information_schema|main|pg_catalog)\s*\.|\bduckdb_\w+\s*\(")


class QueryRefused(ReconError):
    """A query reads what it may not; the message says which query."""


@dataclass(frozen=True, slots=True)
class ScopedQuery:
    """A query with the limits in it, and the values that the limits bind."""

    sql: str
    values: Mapping[str, Any]


def with_past(columns: Columns) -> Columns:
    """The tables of a publication and, of those with a history, what was known at a past moment."""
    past = {
        table.removesuffix(HISTORY) + AS_KNOWN: {
            name: kind for name, kind in own.items() if name not in _OF_HISTORY
        }
        for table, own in columns.items()
        if table.endswith(HISTORY)
    }
    return {**columns, **past}


def scope_query(sql: str, viewer: Viewer, columns: Columns) -> ScopedQuery:
    """Return the query with every mart that it names cut to what the viewer may see.

    Args:
        sql: One select; marts are named without schema.
        viewer: Whose limits hold.
        columns: Table -> column -> type of this publication, as `with_past` gives them.

    Raises:
        QueryRefused: It names a schema, and could so read past the limits.
    """
    bare = _COMMENTS.sub(" ", sql)
    if _NAMES_SCHEMA.search(bare):
        raise QueryRefused("A query of the console names marts without a schema: remove `marts.`.")
    words = set(re.findall(r"[a-z_][a-z0-9_]*", bare))
    named = [table for table in columns if table in words]
    needs_orders = any(_is_by_order(table, viewer, columns) for table in named)
    if needs_orders and ORDERS not in named and ORDERS in columns:
        named.insert(0, ORDERS)
    named.sort(key=lambda table: table != ORDERS)
    values: dict[str, Any] = {}
    # Not materialized: a mart that is named twice would be copied whole before anything is asked.
    parts = [
        f"{table} as not materialized ({_cut(table, viewer, columns, values)})" for table in named
    ]
    if not parts:
        return ScopedQuery(bare, values)
    prefix = "with " + ",\n".join(parts)
    if _OPENING_WITH.match(bare):
        return ScopedQuery(prefix + ",\n" + _OPENING_WITH.sub("", bare, count=1), values)
    return ScopedQuery(prefix + "\n" + bare, values)


def _is_by_order(table: str, viewer: Viewer, columns: Columns) -> bool:
    """Whether the table is cut by way of its orders."""
    if table == ORDERS or viewer.role.rows.is_whole or table in FREE:
        return False
    return "recon_key" in columns[table] and not _is_cut_by_itself(table, viewer, columns)


def _is_cut_by_itself(table: str, viewer: Viewer, columns: Columns) -> bool:
    """Whether the table has the columns that the limits are about, as they are now."""
    return _wanted(viewer) <= set(columns[table]) and not table.endswith((AS_KNOWN, HISTORY))


def _wanted(viewer: Viewer) -> set[str]:
    """The columns that a table needs to be cut by itself."""
    rows = viewer.role.rows
    return ({"sales_owner_id"} if rows.sales_owner != "all" else set()) | (
        {"segment"} if rows.segment else set()
    )


def _cut(table: str, viewer: Viewer, columns: Columns, values: dict[str, Any]) -> str:
    """The select that stands for a mart."""
    hidden = [name for name in viewer.role.hidden if name in columns[table]]
    nulls = ", ".join(f"cast(null as {columns[table][name]}) as {name}" for name in hidden)
    chosen = f"* replace ({nulls})" if nulls else "*"
    conditions = _conditions(table, viewer, columns, values)
    where = f" where {' and '.join(conditions)}" if conditions else ""
    moment = "($as_known_at)" if table.endswith(AS_KNOWN) else ""
    return f"select {chosen} from marts.{table}{moment} as {table}{where}"


def _conditions(table: str, viewer: Viewer, columns: Columns, values: dict[str, Any]) -> list[str]:
    rows = viewer.role.rows
    own = columns[table]
    if rows.is_whole or table in FREE:
        return []
    conditions = []
    wanted = _wanted(viewer)
    if _is_cut_by_itself(table, viewer, columns):
        if "sales_owner_id" in wanted:
            values["scope_owners"] = list(viewer.team)
            conditions.append(f"{table}.sales_owner_id in (select unnest($scope_owners))")
        if "segment" in wanted:
            values["scope_segments"] = list(rows.segment)
            conditions.append(f"{table}.segment in (select unnest($scope_segments))")
    elif "recon_key" in own and ORDERS in columns:
        conditions.append(f"{table}.recon_key in (select {ORDERS}.recon_key from {ORDERS})")
    else:
        conditions.append("false")
    if rows.owner_role and {"owner_role", "approver_role"} <= set(own):
        values["scope_roles"] = list(rows.owner_role)
        conditions.append(
            f"({table}.owner_role in (select unnest($scope_roles)) "
            f"or {table}.approver_role in (select unnest($scope_roles)))"
        )
    return conditions
