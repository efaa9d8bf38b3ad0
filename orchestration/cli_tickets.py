"""`meshline ticket`: work on tickets, and one of them with its runbook.

What belongs here: opening ledger and policies for one command, and its answer. What does not: who
may do what (`orchestration.ledger.ticket_work`). Only the command line may import this.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from rich.text import Text

from orchestration.cli_display import amount, clean, print_json, severity, stdout, table, text
from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import UsageRefused
from orchestration.core.work.runbooks import playbook_values
from orchestration.ledger.ticket_reading import TicketView, find_ticket
from orchestration.settings import Settings


def work(
    settings: Settings,
    verb: str,
    tickets: Sequence[str],
    arguments: Sequence[str],
    account: str,
    reason: str,
    seen: int | None,
    *,
    as_json: bool,
) -> None:
    """Do something with tickets, have it signed, and print what was put on record.

    Raises:
        NotAllowed: Nobody knows the account, or it may not.
        UsageRefused: A ticket is not there, or the command does not fit it.
        TicketChanged: It changed since version `seen`.
    """
    from orchestration.ledger.heads import sign_head
    from orchestration.ledger.people import find_actor
    from orchestration.ledger.store import open_ledger
    from orchestration.ledger.taxonomy import load_ticket_rules
    from orchestration.ledger.ticket_work import Work

    ids = [find_ticket(settings.ledger_database, one).ticket_id for one in tickets]
    model, rules = load_operating_model(settings.seeds), load_ticket_rules(settings.seeds)
    now = datetime.now(UTC)
    versions = {} if seen is None else dict.fromkeys(ids, seen)
    with open_ledger(settings.ledger_database) as ledger:
        with ledger.write() as connection:
            actor = find_actor(connection, account)
            desk = Work(connection, actor, now, reason, model, rules, versions)
            done = getattr(desk, verb)(ids, *arguments)
        sign_head(
            ledger, settings.heads, settings.signing_key, at=now, signed_by=actor.principal_id
        )
    if as_json:
        print_json({"events": [{"seq": one.seq, "ticket_id": one.subject_id} for one in done]})
        return
    for event in done:
        stdout().print(
            f"{clean(event.subject_id)}: {event.action.removeprefix('ticket_')} by "
            f"{clean(event.actor_id)}, event {event.seq}"
        )


def show_ticket(settings: Settings, ticket_id: str, *, as_json: bool) -> None:
    """Print a ticket.

    Raises:
        UsageRefused: There is none, or several begin so.
    """
    view = find_ticket(settings.ledger_database, ticket_id)
    if as_json:
        print_json(
            {
                "ticket": view.ticket,
                "runbook": runbook_of(settings, view.ticket),
                "notes": view.notes,
                "events": view.events,
            }
        )
        return
    console, ticket = stdout(), view.ticket
    console.print(
        Text(f"{clean(ticket['exception_code'])}  {clean(ticket['ticket_id'])}", style="bold")
    )
    console.print(text(ticket["explanation"]), soft_wrap=True)
    console.print()
    print_ticket(settings, view)


def print_ticket(settings: Settings, view: TicketView) -> None:
    """Print how a ticket stands, its runbook, its notes and its events."""
    console = stdout()
    for label, value in _facts(view.ticket):
        console.print(Text(f"  {label:<12}", style="dim"), value, sep="", soft_wrap=True)
    steps = runbook_of(settings, view.ticket)
    if steps:
        console.print()
        console.print(Text("What to do", style="bold"))
        for number, step in enumerate(steps, start=1):
            console.print(Text(f"  {number}. {clean(step)}"), soft_wrap=True)
    print_history(view)


def print_history(view: TicketView) -> None:
    """Print the notes and events of a ticket."""
    console = stdout()
    if view.notes:
        console.print()
        rows = ([one["at"][:16], one["actor_id"], one["text"]] for one in view.notes)
        console.print(table("Notes", ["when", "who", "what."], rows))
    console.print()
    console.print(table("Events of the ticket", EVENT_COLUMNS, map(event_cells, view.events)))


EVENT_COLUMNS = ("event>", "when", "who", "role", "what", "why.")


def event_cells(event: Mapping[str, Any]) -> list[object]:
    """One event as the cells of a row."""
    when = str(event["at"])[:16].replace("T", " ")
    return [
        event["seq"],
        when,
        event["actor_id"],
        event["actor_role"],
        event["action"],
        event["reason"],
    ]


def runbook_of(settings: Settings, ticket: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the steps of a ticket's playbook with its values filled in; none without one."""
    model = load_operating_model(settings.seeds)
    playbook = model.playbooks.get(str(ticket["exception_code"]))
    if playbook is None:
        return ()
    try:
        evidence = json.loads(ticket["evidence"] or "{}")
    except ValueError:
        evidence = {}
    facts = {**ticket, "exception_id": ticket["ticket_id"]}
    values = playbook_values(facts, evidence if isinstance(evidence, dict) else {}, ticket)
    return playbook.filled(values).steps


def _facts(ticket: Mapping[str, Any]) -> list[tuple[str, Text]]:
    return [
        ("order", text(ticket["order_id"] or ticket["recon_key"])),
        ("state", text(ticket["state_code"])),
        ("severity", _severity(ticket)),
        ("at risk", text(_money(ticket))),
        ("resolver", text(ticket["assignee_id"] or f"nobody yet of {ticket['owner_role']}")),
        ("because", text(ticket["assigned_because"])),
        ("approver", text(ticket["approver_role"])),
        ("due", text((ticket["due_at"] or "-")[:16].replace("T", " "))),
        ("reopened", text(ticket["reopen_count"])),
        ("version", text(ticket["version"])),
    ]


def _severity(ticket: Mapping[str, Any]) -> Text:
    """How grave it is; of a late one also what it was before."""
    raised = ticket.get("raised_severity_code")
    if not raised:
        return severity(ticket["severity_code"])
    return severity(raised).append(f" (it is late; was {ticket['severity_code']})")


def _money(ticket: Mapping[str, Any]) -> str:
    try:
        return amount(Decimal(ticket["leak_amount"]), ticket["currency_code"])
    except (InvalidOperation, TypeError):
        return "-"


def first_of(settings: Settings, ticket_id: str) -> TicketView | None:
    """Return the ticket of an exception; None when the ledger has none."""
    try:
        return find_ticket(settings.ledger_database, ticket_id)
    except UsageRefused:
        return None
