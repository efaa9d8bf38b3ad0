"""Tickets that are not in the publication any more: what they were, and how they ended.

What belongs here: tickets of the ledger in the shape in which a page shows an exception. What does
not: open ones (the publication has them), steps on tickets (`console.ledger_desk`).

A ticket keeps the facts and the evidence of its exception as they were when it was last told of
them, so its page shows what was known then, whatever the marts say now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from console.access.ledger_scope import limits_of_tickets, may_see_ticket
from console.data import Data
from console.ledger_desk import Desk, Note
from console.vocabulary import Vocabulary

PAGE = 50
_ONE = "select * from tickets where ticket_id = ?"
_COLUMNS = (
    "ticket_id, exception_code, recon_key, native_ref, order_id, customer_id, severity_code, "
    "leak_amount, currency_code, owner_role, approver_role, assignee_id, reason_code, opened_at, "
    "due_at, closed_at, explanation, reopen_count"
)
_TEXT = (
    "(lower(native_ref) = ? or lower(order_id) = ? or lower(customer_id) = ? "
    "or ticket_id = ? or recon_key = ?)"
)
_TEXT_PLACES = 5
_OF_ORDER = f"select {_COLUMNS} from tickets where recon_key = ? and state_code = 'closed'"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a ticket ended.

    Attributes:
        closed: The event that closed it; None while the ledger still has it open.
        resolved: What a person decided before, if somebody did and nobody took it back.
        closed_at: When it was closed, naive UTC.
        was_late: Whether that was after its deadline; None when it had none.
    """

    closed: Note | None
    resolved: Note | None
    closed_at: datetime | None
    was_late: bool | None


def find_settled(
    desk: Desk, data: Data, words: Vocabulary, ticket_id: str
) -> dict[str, Any] | None:
    """Return a ticket of the ledger as an exception; None when the viewer may see none."""
    with desk.reader() as reader:
        if reader is None or not reader.has_table("tickets"):
            return None
        ticket = next(reader.rows(_ONE, [ticket_id]), None)
    if ticket is None or not may_see_ticket(data, ticket):
        return None
    return as_exception(ticket, data, words)


def as_exception(ticket: Mapping[str, Any], data: Data, words: Vocabulary) -> dict[str, Any]:
    """A ticket in the columns of `fct_exceptions`, those that the role may not see emptied."""
    row = {
        **shown(ticket, data),
        "exception_id": ticket["ticket_id"],
        "status_code": ticket["state_code"],
        "ticket_severity_code": ticket["raised_severity_code"] or ticket["severity_code"],
        "family_code": words.classes.get(ticket["exception_code"], {}).get("family_code", ""),
        "line_key": "",
        "source_system": "",
        "match_id": None,
    }
    texts = ("leg_code", "native_ref", "tenant", "leak_kind", "currency_code", "explanation")
    return row | {name: row[name] or "" for name in texts}


def shown(ticket: Mapping[str, Any], data: Data) -> dict[str, Any]:
    """A ticket with its amounts and moments read, and without what the role may not see."""
    return {
        **ticket,
        "leak_amount": Decimal(ticket["leak_amount"] or 0),
        **{name: moment_of(ticket[name]) for name in ("opened_at", "due_at", "closed_at")},
        **{name: None for name in data.viewer.role.hidden if name in ticket},
    }


def ending_of(row: Mapping[str, Any], history: Sequence[Note]) -> Ending:
    """How a ticket ended; `history` has its events, the latest first."""
    closed = next((note for note in history if note.action == "closed"), None)
    decisions = (note for note in history if note.action in {"resolved", "reopened", "undone"})
    last = next(decisions, None)
    closed_at = row["closed_at"]
    return Ending(
        closed=closed,
        resolved=last if last is not None and last.action == "resolved" else None,
        closed_at=closed_at,
        was_late=None if None in (closed_at, row["due_at"]) else closed_at > row["due_at"],
    )


def settled_page(
    desk: Desk, data: Data, filters: Mapping[str, str], after: str
) -> tuple[list[dict[str, Any]], str]:
    """Return a page of closed tickets, the latest first, and the key that the next begins after.

    Args:
        desk: The ledger.
        data: The publication, for what the viewer may see.
        filters: `class`, an exception code; `q`, an id of the ticket, order, document, customer.
        after: From the page before; "" for the first.
    """
    with desk.reader() as reader:
        if reader is None or not reader.has_table("tickets"):
            return [], ""
        limits, values = limits_of_tickets(data, is_sqlite=reader.is_sqlite)
        where = ["state_code = 'closed'", limits]
        if filters.get("class"):
            where.append("exception_code = ?")
            values.append(filters["class"])
        if filters.get("q"):
            where.append(_TEXT)
            values += [filters["q"]] * _TEXT_PLACES
        at, _, key = after.partition("~")
        if key:
            where.append("(closed_at < ? or (closed_at = ? and ticket_id > ?))")
            values += [at, at, key]
        found = list(
            reader.rows(
                f"select {_COLUMNS} from tickets where {' and '.join(where)} "
                f"order by closed_at desc, ticket_id limit {PAGE + 1}",
                values,
            )
        )
    last = found[PAGE - 1] if len(found) > PAGE else None
    next_after = f"{last['closed_at']}~{last['ticket_id']}" if last else ""
    return [shown(row, data) for row in found[:PAGE]], next_after


def settled_of_order(desk: Desk, data: Data, recon_key: str) -> list[dict[str, Any]]:
    """The closed tickets of an order that the viewer may see, the latest first."""
    with desk.reader() as reader:
        if reader is None or not reader.has_table("tickets"):
            return []
        rows = list(reader.rows(f"{_OF_ORDER} order by closed_at desc, ticket_id", [recon_key]))
    return [shown(row, data) for row in rows if may_see_ticket(data, row)]


def moment_of(text: str | None) -> datetime | None:
    """A moment of the ledger as the marts write it: UTC without its zone."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
