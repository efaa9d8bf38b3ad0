"""One order with everything that is known about it.

What belongs here: finding an order by any name it goes by, and reading its parts.
What does not: judging them. Who may import this is said in `orchestration.reading`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.core.errors import UsageRefused
from orchestration.warehouse.reader import Published

# Where a name of an order can stand, the surest first; a publication may lack some of them.
NAMES: tuple[tuple[str, str], ...] = (
    ("fct_orders", "select recon_key from marts.fct_orders where recon_key = ?"),
    ("fct_orders", "select recon_key from marts.fct_orders where order_id = ?"),
    ("dim_order_aliases", "select recon_key from marts.dim_order_aliases where native_id = ?"),
    ("fct_match_members", "select recon_key from marts.fct_match_members where native_id = ?"),
    ("fct_exceptions", "select recon_key from marts.fct_exceptions where native_ref = ?"),
)
# Each part of an order: its table, and in which order its rows are told.
PARTS: Mapping[str, tuple[str, str]] = {
    "versions": ("fct_order_versions", "version_no"),
    "lines": ("fct_order_lines", "version_no, line_key"),
    "legs": ("fct_order_legs", "leg_code"),
    "exceptions": ("fct_exceptions", "opened_at, exception_id"),
    "gates": ("fct_gate_results", "gate_code"),
}
MATCHES = """
    select fct_matches.*
    from marts.fct_matches
    where fct_matches.match_id in (
        select fct_match_members.match_id
        from marts.fct_match_members
        where fct_match_members.recon_key = ?
    )
    order by fct_matches.leg_code, fct_matches.match_id
"""
MEMBERS = """
    select fct_match_members.*
    from marts.fct_match_members
    where fct_match_members.match_id in (
        select own.match_id from marts.fct_match_members as own where own.recon_key = ?
    )
    order by fct_match_members.match_id, fct_match_members.side desc,
        fct_match_members.source_system, fct_match_members.stream, fct_match_members.native_id
"""
SHOWN_CHOICES = 10


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order; rows are mappings of column names, in the columns of the marts.

    Attributes:
        order: Its row of `fct_orders`.
        versions: What it was, version by version.
        lines: Its lines in every version.
        legs: How each leg stands.
        matches: Groups in which a document of it is.
        members: All documents of those groups.
        exceptions: Its differences.
        gates: What the gates say of it.
        events: Its changes of state, oldest first.
    """

    order: dict[str, Any]
    versions: tuple[dict[str, Any], ...]
    lines: tuple[dict[str, Any], ...]
    legs: tuple[dict[str, Any], ...]
    matches: tuple[dict[str, Any], ...]
    members: tuple[dict[str, Any], ...]
    exceptions: tuple[dict[str, Any], ...]
    gates: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]


def read_order(published: Published, key: str) -> OrderView:
    """Return the order that goes by this name: reconciliation key, order id, or a document's id.

    Raises:
        UsageRefused: No order or more than one goes by it.
    """
    recon_key = resolve_key(published, key)
    parts = {
        name: _rows(
            published,
            f"select * from marts.{table} where recon_key = ? order by {ordering}",
            [recon_key],
            table,
        )
        for name, (table, ordering) in PARTS.items()
    }
    return OrderView(
        order=published.rows("select * from marts.fct_orders where recon_key = ?", [recon_key])[0],
        matches=_rows(published, MATCHES, [recon_key], "fct_matches", "fct_match_members"),
        members=_rows(published, MEMBERS, [recon_key], "fct_match_members"),
        events=_rows(
            published,
            "select * from marts.fct_state_changes where recon_key = ? order by known_from",
            [recon_key],
            "fct_state_changes",
        ),
        **parts,
    )


def resolve_key(published: Published, key: str) -> str:
    """Return the reconciliation key of the one order that goes by a name.

    Raises:
        UsageRefused: No order or more than one goes by it.
    """
    name = key.strip()
    for table, sql in NAMES:
        rows = _rows(published, f"select distinct recon_key from ({sql})", [name], table)
        keys = sorted(row["recon_key"] for row in rows if row["recon_key"] is not None)
        if len(keys) == 1:
            return str(keys[0])
        if keys:
            shown = ", ".join(keys[:SHOWN_CHOICES])
            raise UsageRefused(
                f"{len(keys)} orders go by {name}. Name one by its reconciliation key: {shown}"
                + (" ..." if len(keys) > SHOWN_CHOICES else "")
            )
    raise UsageRefused(
        f"No order goes by {name} in run {published.run_no} (moment "
        f"{published.as_of:%Y-%m-%d %H:%M} UTC). Give a reconciliation key, an order id, or the id "
        "of a payment, shipment or statement; `meshline exceptions list` shows some."
    )


def _rows(
    published: Published, sql: str, values: list[str], *tables: str
) -> tuple[dict[str, Any], ...]:
    """The rows of a query; none when the publication lacks a table that it reads."""
    return published.rows(sql, values) if set(tables) <= set(published.tables) else ()
