"""`meshline order show`: everything known about one order, as tables.

What belongs here: which columns are shown under which names. What does not: finding and reading the
order (`orchestration.reading.orders`). Only `orchestration.cli` may import this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text

from orchestration.cli_display import amount, clean, print_json, severity, stdout, table
from orchestration.ledger.ticket_reading import events_of_order, tickets_of_order
from orchestration.reading.orders import OrderView, read_order
from orchestration.settings import Settings
from orchestration.warehouse.reader import open_published

Row = Mapping[str, Any]
Cell = str | Callable[[Row], object]


def _money(column: str) -> Callable[[Row], object]:
    """A cell with an amount and the row's currency."""
    return lambda row: amount(row.get(column), row.get("currency_code"))


def _short(column: str) -> Callable[[Row], object]:
    """A cell with the beginning of an id, which commands take as well."""
    return lambda row: str(row[column])[:12]


def _rule(row: Row) -> str:
    """A cell with the rule and its version."""
    return f"{clean(row.get('rule_id'))} v{clean(row.get('rule_version'))}"


# Heading by column of the mart; `>` sets to the right, `.` wraps. A column that a publication lacks
# is left out.
VERSIONS: Mapping[str, Cell] = {
    "version": "version_no",
    "valid from": "valid_from",
    "known from": "known_from",
    "what changed": "change_kind",
    "total>": _money("total_amount"),
    "approved by": "approved_by",
}
LINES: Mapping[str, Cell] = {
    "version": "version_no",
    "sku": "sku",
    "seller": "seller_id",
    "quantity>": "quantity",
    "unit price>": "unit_price",
    "net>": _money("net_amount"),
    "tax>": _money("tax_amount"),
}
LEGS: Mapping[str, Cell] = {
    "leg": "leg_code",
    "status": "status_code",
    "expected>": _money("expected_amount"),
    "matched>": _money("matched_amount"),
    "open>": _money("open_amount"),
    "left over>": _money("residual_amount"),
    "explained by": "residual_class",
    "due": "due_at",
    "overdue": "is_overdue",
}
MATCHES: Mapping[str, Cell] = {
    "match": _short("match_id"),
    "leg": "leg_code",
    "kind": "match_kind",
    "shape": "cardinality",
    "rule": _rule,
    "left over>": _money("residual_amount"),
    "explanation.": "explanation",
}
MEMBERS: Mapping[str, Cell] = {
    "match": _short("match_id"),
    "side": "side",
    "system": "source_system",
    "stream": "stream",
    "id": "native_id",
    "line": "line_no",
    "allocated>": _money("allocated_amount"),
}
EXCEPTIONS: Mapping[str, Cell] = {
    "id": _short("exception_id"),
    "class": "exception_code",
    "severity": lambda row: severity(row["ticket_severity_code"]),
    "status": "status_code",
    "at risk>": _money("leak_amount"),
    "owner": "owner_role",
    "due": "due_at",
    "what happened.": "explanation",
}
GATES: Mapping[str, Cell] = {
    "gate": "gate_code",
    "version": "version_no",
    "result": "result_code",
    "expected.": "expected_value",
    "actual.": "actual_value",
    "rule version": "rule_version",
}
EVENTS: Mapping[str, Cell] = {
    "known from": "known_from",
    "changed at": "changed_at",
    "subject": "subject",
    "leg": "leg_code",
    "from": "from_code",
    "to": "to_code",
    "by": "actor_id",
    "rule version": "rule_version",
    "reason.": "reason",
}

TICKETS: Mapping[str, Cell] = {
    "id": _short("ticket_id"),
    "class": "exception_code",
    "state": "state_code",
    "resolver": "assignee_id",
    "approver": "approver_role",
    "due": lambda row: str(row["due_at"] or "-")[:16].replace("T", " "),
    "because.": "assigned_because",
}
ON_RECORD: Mapping[str, Cell] = {
    "event>": "seq",
    "when": lambda row: str(row["at"])[:16].replace("T", " "),
    "who": "actor_id",
    "role": "actor_role",
    "what": "action",
    "about": _short("subject_id"),
    "why.": "reason",
}


def show_order(settings: Settings, key: str, *, as_json: bool) -> None:
    """Print one order with everything that is known about it."""
    with open_published(settings) as published:
        view = read_order(published, key)
    recon_key = str(view.order["recon_key"])
    tickets = tickets_of_order(settings.ledger_database, recon_key)
    on_record = events_of_order(settings.ledger_database, recon_key)
    if as_json:
        print_json({**asdict(view), "tickets": tickets, "ledger_events": on_record})
        return
    console, order = stdout(), view.order
    console.print(
        Text(f"Order {clean(order['order_id'])}  {clean(order['recon_key'])}", style="bold")
    )
    console.print(
        f"{clean(order['source_system'])}, {clean(order['order_type'])}, "
        f"{amount(order['total_amount'], order['currency_code'])}, "
        f"ordered {clean(order['ordered_at'])} UTC: {clean(order['state_code'])}"
    )
    more = (("Tickets", tickets, TICKETS), ("On record", on_record, ON_RECORD))
    for title, rows, columns in (*_parts(view), *more):
        console.print()
        if not rows:
            console.print(Text(f"{title}: none", style="dim"))
            continue
        shown = {
            heading: cell
            for heading, cell in columns.items()
            if not isinstance(cell, str) or cell in rows[0]
        }
        currency = {"currency_code": order["currency_code"]}
        cells = ([_value({**currency, **row}, cell) for cell in shown.values()] for row in rows)
        console.print(table(title, list(shown), cells))


def _parts(view: OrderView) -> tuple[tuple[str, Sequence[Row], Mapping[str, Cell]], ...]:
    """The tables of one order, in the order in which its story is told."""
    return (
        ("Versions", view.versions, VERSIONS),
        ("Lines", view.lines, LINES),
        ("Legs", view.legs, LEGS),
        ("Matches", view.matches, MATCHES),
        ("Documents in these matches", view.members, MEMBERS),
        ("Exceptions", view.exceptions, EXCEPTIONS),
        ("Gates", view.gates, GATES),
        ("What happened", view.events, EVENTS),
    )


def _value(row: Row, cell: Cell) -> object:
    """What stands in one cell."""
    return row[cell] if isinstance(cell, str) else cell(row)
