"""`meshline ticket` and `meshline audit`: the commands and their options.

What belongs here: what can be said. What does not: what it does (`orchestration.cli_tickets`,
`orchestration.cli_audit`), which is imported when it is called. Only `orchestration.cli` imports
this.
"""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_options import Actor, Home, Json, settings_of

ticket_app = typer.Typer(
    no_args_is_help=True, help="Work on tickets: each difference has one, under its id."
)
audit_app = typer.Typer(no_args_is_help=True, help="Who did what, and whether that still stands.")

Tickets = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Tickets: ids of exceptions, or their begin.")
]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record for good.")]
Code = Annotated[
    str, typer.Option("--code", metavar="CODE", help="A reason of seeds/taxonomy/reason_codes.csv.")
]
Seen = Annotated[
    int | None,
    typer.Option(metavar="N", help="The version that you saw; refused if it changed since."),
]


@ticket_app.command("assign")
def assign(
    tickets: Tickets,
    to: Annotated[str, typer.Option("--to", metavar="PERSON", help="Who is to have them.")],
    actor: Actor,
    reason: Why,
    seen: Seen = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Give tickets to a person."""
    from orchestration.cli_tickets import work

    work(settings_of(home), "assign", tickets, [to], actor, reason, seen, as_json=as_json)


@ticket_app.command("comment")
def comment(
    tickets: Tickets,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="Kept where it is erasable.")],
    actor: Actor,
    reason: Why = "A word on it.",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say something on tickets."""
    from orchestration.cli_tickets import work

    work(settings_of(home), "comment", tickets, [text], actor, reason, None, as_json=as_json)


@ticket_app.command("attach")
def attach(
    tickets: Tickets,
    reference: Annotated[
        str, typer.Option("--reference", metavar="TEXT", help="A document's id or address.")
    ],
    actor: Actor,
    reason: Why = "Belongs to it.",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Name a document that belongs to tickets."""
    from orchestration.cli_tickets import work

    work(settings_of(home), "attach", tickets, [reference], actor, reason, None, as_json=as_json)


@ticket_app.command("resolve")
def resolve(
    tickets: Tickets,
    code: Code,
    actor: Actor,
    reason: Why,
    seen: Seen = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say that tickets are dealt with; the next runs show whether they are."""
    from orchestration.cli_tickets import work

    work(settings_of(home), "resolve", tickets, [code], actor, reason, seen, as_json=as_json)


@ticket_app.command("reopen")
def reopen(
    tickets: Tickets,
    code: Code,
    actor: Actor,
    reason: Why,
    seen: Seen = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take up again what was resolved or closed."""
    from orchestration.cli_tickets import work

    work(settings_of(home), "reopen", tickets, [code], actor, reason, seen, as_json=as_json)


@ticket_app.command("undo")
def undo(
    tickets: Tickets,
    actor: Actor,
    reason: Why,
    seen: Seen = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Set tickets back to before their last decision; an undoing can be undone."""
    from orchestration.cli_tickets import work

    work(settings_of(home), "undo", tickets, [], actor, reason, seen, as_json=as_json)


@ticket_app.command("show")
def show(
    ticket: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show a ticket with its runbook, its notes and everything that happened to it."""
    from orchestration.cli_tickets import show_ticket

    show_ticket(settings_of(home), ticket, as_json=as_json)


@audit_app.command("verify")
def verify(
    public_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A copy of the public key that you trust."),
    ] = None,
    heads: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of heads; else MESHLINE_HEADS.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check an export instead; needs no ledger."),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Check the ledger against its chain, signed heads and what was published: exit 0 or 1."""
    from orchestration.cli_audit import verify as check
    from orchestration.cli_audit import verify_export

    settings = settings_of(home)
    if export is not None:
        code = verify_export(settings, export, heads, public_key, as_json=as_json)
    else:
        code = check(settings, heads, public_key, as_json=as_json)
    raise typer.Exit(code)


@audit_app.command("export")
def export_events(
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Ends with .csv, .jsonl or .parquet, which says how."),
    ],
    by: Annotated[
        str | None, typer.Option(metavar="WHAT", help="order, customer, period or role; else all.")
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE", help="Which one; a period is 2026-06, 2026-06-30 or FROM..UNTIL."
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Write events to a file, beside it the proof that they belong to the signed ledger."""
    from orchestration.cli_audit import export as write

    write(settings_of(home), out, by, value)


@audit_app.command("erase")
def erase(
    about: Annotated[
        str, typer.Argument(metavar="ID", help="A person whose details, or a ticket whose comments")
    ],
    actor: Actor,
    reason: Why,
    home: Home = None,
) -> None:
    """Erase personal texts for good; the chain holds their salted hash alone and stays whole."""
    from orchestration.cli_audit import erase as do

    do(settings_of(home), about, actor, reason)
