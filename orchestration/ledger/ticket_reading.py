"""Tickets as commands and pages read them: one with its notes and events, the events of an order.

What belongs here: questions to the reading door. What does not: changing anything. Whoever may
import the ledger may import this.
"""

from dataclasses import dataclass
from typing import Any

from orchestration.core.errors import UsageRefused
from orchestration.ledger.reading import LedgerReader, read_ledger

ERASED = "(erased)"
_NOTES = """
    select ticket_notes.seq, ticket_notes.note_kind, ticket_notes.actor_id, ticket_notes.at,
        ticket_notes.reference, ticket_notes.text_id, private_texts.text as kept
    from ticket_notes
    left join private_texts on private_texts.text_id = ticket_notes.text_id
    where ticket_notes.ticket_id = ?
    order by ticket_notes.seq
"""
_EVENTS = """
    select seq, at, actor_id, actor_role, principal_id, action, subject_type, subject_id, reason,
        payload, hash
    from events
    where {condition}
    order by seq
"""
_OF_TICKET = _EVENTS.format(condition="subject_type = 'ticket' and subject_id = ?")
_OF_ORDER = _EVENTS.format(condition="recon_key = ?")


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket with everything about it.

    Attributes:
        ticket: The row of the table `tickets`.
        notes: Comments and references, oldest first; `text` is what they say.
        events: Everything that happened to it, by `seq`.
    """

    ticket: dict[str, Any]
    notes: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]

    @property
    def ticket_id(self) -> str:
        """Its id, which is that of its exception."""
        return str(self.ticket["ticket_id"])


def find_ticket(url: str, ticket_id: str) -> TicketView:
    """Return a ticket by its id, or by how it begins when no other begins so.

    Raises:
        UsageRefused: There is none, or several.
        LedgerUnreadable: The ledger cannot be read.
    """
    with read_ledger(url) as reader:
        found = _tickets(reader, ticket_id) if reader is not None else []
        if not found or reader is None:
            raise UsageRefused(
                f"There is no ticket {ticket_id}. `meshline exceptions list` shows the ids of "
                "differences; each has a ticket once a run has published it."
            )
        if found[0]["ticket_id"] != ticket_id and len(found) > 1:
            begun = ", ".join(row["ticket_id"] for row in found)
            raise UsageRefused(f"Several tickets begin with {ticket_id}: {begun}. Give more of it.")
        ticket = found[0]
        notes = tuple(_note(row) for row in reader.rows(_NOTES, [ticket["ticket_id"]]))
        events = tuple(reader.rows(_OF_TICKET, [ticket["ticket_id"]]))
    return TicketView(ticket, notes, events)


def events_of_order(url: str, recon_key: str) -> tuple[dict[str, Any], ...]:
    """Return everything on record about an order and its tickets, by `seq`."""
    with read_ledger(url) as reader:
        return tuple(reader.rows(_OF_ORDER, [recon_key])) if reader is not None else ()


def tickets_of_order(url: str, recon_key: str) -> tuple[dict[str, Any], ...]:
    """Return the tickets of an order, by id."""
    with read_ledger(url) as reader:
        if reader is None or not reader.has_table("tickets"):
            return ()
        sql = "select * from tickets where recon_key = ? order by ticket_id"
        return tuple(reader.rows(sql, [recon_key]))


def _tickets(reader: LedgerReader, ticket_id: str) -> list[dict[str, Any]]:
    """The ticket of this id, else the first few that begin so."""
    if not reader.has_table("tickets"):
        return []
    exact = list(reader.rows("select * from tickets where ticket_id = ?", [ticket_id]))
    if exact:
        return exact
    sql = "select * from tickets where substr(ticket_id, 1, ?) = ? order by ticket_id limit 6"
    return list(reader.rows(sql, [len(ticket_id), ticket_id]))


def _note(row: dict[str, Any]) -> dict[str, Any]:
    """A note with what it says."""
    said = row["reference"] if row["note_kind"] == "reference" else row["kept"] or ERASED
    return {
        "seq": row["seq"],
        "note_kind": row["note_kind"],
        "actor_id": row["actor_id"],
        "at": row["at"],
        "text": said,
    }
