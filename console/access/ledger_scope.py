"""Row limits of a role, put into queries of the ledger.

What belongs here: what a viewer may see of events and tickets. What does not: the same for marts
(`console.access.scope`), and the queries.

The ledger knows neither account owners nor segments, so its rows are cut by their orders, as those
of a mart without such columns are.
"""

import json
from typing import Any

from console.data import Data

Condition = tuple[str, list[Any]]
_KEYS = "select recon_key from fct_orders"


def limits_by_order(data: Data, *, is_sqlite: bool) -> Condition:
    """The condition that `recon_key` is an order which the viewer may see, and what it binds."""
    keys = [row["recon_key"] for row in data.rows(_KEYS)]
    listed = (
        "select value from json_each(?)"
        if is_sqlite
        else "select json_array_elements_text(cast(? as json))"
    )
    return f"recon_key in ({listed})", [json.dumps(keys)]


def limits_of_tickets(data: Data, *, is_sqlite: bool) -> Condition:
    """The condition on tickets that holds for what the viewer may see, and what it binds."""
    condition: str = "1 = 1"
    values: list[Any] = []
    if _is_cut_by_order(data):
        condition, values = limits_by_order(data, is_sqlite=is_sqlite)
    roles = list(data.viewer.role.rows.owner_role)
    if not roles:
        return condition, values
    marks = ", ".join("?" * len(roles))
    return (
        f"{condition} and (owner_role in ({marks}) or approver_role in ({marks}))",
        [*values, *roles, *roles],
    )


def may_see_ticket(data: Data, ticket: dict[str, Any]) -> bool:
    """Whether the viewer may see a ticket of the ledger."""
    roles = data.viewer.role.rows.owner_role
    if roles and not {ticket["owner_role"], ticket["approver_role"]} & set(roles):
        return False
    if not _is_cut_by_order(data):
        return True
    sql = "select 1 as found from fct_orders where recon_key = $recon_key"
    return bool(ticket["recon_key"] and data.one(sql, recon_key=ticket["recon_key"]))


def _is_cut_by_order(data: Data) -> bool:
    rows = data.viewer.role.rows
    return rows.sales_owner != "all" or bool(rows.segment)
