"""Tickets as projections: what each event does to a ticket.

What belongs here: the events of a ticket, their folding into rows, the facts that a run gives.
What does not: who decides (`orchestration.ledger.ticket_sync` for the engine,
`orchestration.ledger.ticket_work` for people). The ledger package and what stands above it import
this.

    ticket_opened      engine   the facts, who has it and why
    ticket_updated     engine   the facts that changed
    ticket_closed      engine   the difference is gone
    ticket_reopened    both     the facts that changed; the state that it goes back to
    ticket_assigned    both     who has it and why
    ticket_resolved    person   a reason code
    ticket_commented   person   where the text is kept, and its salted hash
    ticket_attached    person   a reference, such as a document's id or address
    ticket_paused      person   a reason code: its clock stands still
    ticket_continued   person   its clock runs on
    ticket_severity_raised  engine  how grave being late has made it
    ticket_undone      person   which event, and what it is set back to
"""

from orchestration.core.chain import Event
from orchestration.core.tickets import TicketState, state_with
from orchestration.ledger.projections import Payload, Projection, Row
from orchestration.ledger.tables import ticket_notes, tickets

# What a run says of an exception, as texts; the names are columns of the table.
FACTS: tuple[str, ...] = (
    "exception_code",
    "leg_code",
    "recon_key",
    "native_ref",
    "tenant",
    "order_id",
    "customer_id",
    "severity_code",
    "leak_amount",
    "leak_kind",
    "currency_code",
    "owner_role",
    "approver_role",
    "opened_at",
    "due_at",
    "incident_id",
    "explanation",
    "evidence",
    "playbook_version",
)
# What people decide, and what an undoing sets back.
DECIDED: tuple[str, ...] = (
    "state_code",
    "assignee_id",
    "assigned_role",
    "assigned_because",
    "reason_code",
)
SEVERITY_RAISED = "ticket_severity_raised"
# What time alone decides: no undoing sets it back, and no run's facts.
RAISED = "raised_severity_code"
ACTIONS = frozenset(
    {
        "ticket_opened",
        "ticket_updated",
        "ticket_closed",
        "ticket_reopened",
        "ticket_assigned",
        "ticket_resolved",
        "ticket_commented",
        "ticket_attached",
        "ticket_paused",
        "ticket_continued",
        SEVERITY_RAISED,
        "ticket_undone",
    }
)
UNDOABLE = frozenset({"ticket_assigned", "ticket_resolved", "ticket_reopened", "ticket_undone"})
_NOTES = {"ticket_commented": "comment", "ticket_attached": "reference"}


def decided_of(row: Row) -> dict[str, object]:
    """Return what people have decided about a ticket."""
    return {name: row[name] for name in DECIDED}


def _fold(row: Row | None, event: Event, payload: Payload) -> Row:
    """The row of a ticket after an event."""
    after = dict(row) if row is not None else _new(event)
    facts = payload.get("facts", {})
    after |= {name: facts[name] for name in FACTS if name in facts}
    after |= {name: payload["decided"][name] for name in DECIDED if name in payload["decided"]}
    if event.action == SEVERITY_RAISED:
        after[RAISED] = payload["raised"][RAISED]
    if event.action == "ticket_reopened":
        after["reopen_count"] += 1
    is_closed = after["state_code"] == TicketState.CLOSED
    after["closed_at"] = (after["closed_at"] or event.at) if is_closed else None
    return after | {
        "version": after["version"] + 1,
        "last_seq": event.seq,
        "updated_at": event.at,
    }


def _new(event: Event) -> Row:
    """A ticket before its first event."""
    empty: Row = dict.fromkeys((*FACTS, *DECIDED, RAISED))
    return empty | {
        "ticket_id": event.subject_id,
        "state_code": state_with(None).value,
        "reopen_count": 0,
        "version": 0,
        "closed_at": None,
    }


def _fold_note(_row: Row | None, event: Event, payload: Payload) -> Row:
    """The row of a note."""
    return {
        "seq": event.seq,
        "ticket_id": event.subject_id,
        "note_kind": _NOTES[event.action],
        "actor_id": event.actor_id,
        "at": event.at,
        "text_id": payload.get("text_id"),
        "reference": payload.get("reference"),
    }


TICKETS: tuple[Projection, ...] = (
    Projection(
        tickets,
        ACTIONS,
        lambda event, _: event.subject_id,
        _fold,
        lambda event: event.action == "ticket_opened",
    ),
    Projection(
        ticket_notes,
        frozenset(_NOTES),
        lambda event, _: event.seq,
        _fold_note,
        lambda _: True,
    ),
)
