"""`meshline ticket`, `meshline audit` and `meshline deliver`: the commands and their options.

What belongs here: what can be said. What does not: what it does (`orchestration.cli_tickets`,
`orchestration.cli_audit`, `orchestration.cli_deliver`), which is imported when it is called. Only
`orchestration.cli` imports this.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_options import Actor, Home, Json, settings_of

ticket_app = typer.Typer(
    no_args_is_help=True, help="Work on tickets: each difference has one, under its id."
)
audit_app = typer.Typer(no_args_is_help=True, help="Who did what, and whether that still stands.")
deliver_app = typer.Typer(help="Send released artifacts to their targets, and how that stands.")

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

Target = Annotated[
    str | None, typer.Option("--target", metavar="CODE", help="One target; else all of them.")
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


def _with_code(name: str, verb: str, meaning: str) -> None:
    """Declare a command that needs a reason of the list."""

    @ticket_app.command(name, help=meaning)
    def command(
        tickets: Tickets,
        code: Code,
        actor: Actor,
        reason: Why,
        seen: Seen = None,
        as_json: Json = False,
        home: Home = None,
    ) -> None:
        from orchestration.cli_tickets import work

        work(settings_of(home), verb, tickets, [code], actor, reason, seen, as_json=as_json)


def _without_code(name: str, verb: str, meaning: str) -> Callable[..., None]:
    """Declare a command for which words are reason enough; return it."""

    @ticket_app.command(name, help=meaning)
    def command(
        tickets: Tickets,
        actor: Actor,
        reason: Why,
        seen: Seen = None,
        as_json: Json = False,
        home: Home = None,
    ) -> None:
        from orchestration.cli_tickets import work

        work(settings_of(home), verb, tickets, [], actor, reason, seen, as_json=as_json)

    return command


_with_code(
    "resolve", "resolve", "Say that tickets are dealt with; the next runs show whether they are."
)
_with_code("reopen", "reopen", "Take up again what was resolved or closed.")
_with_code("pause", "pause", "Let the clock of tickets stand still while somebody else has to act.")
_without_code("continue", "proceed", "Let the clock of tickets run on.")
UNDO = "Set tickets back to before their last decision; an undoing can be undone."
undo = _without_code("undo", "undo", UNDO)


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


@audit_app.command("sample")
def sample(
    period: Annotated[
        str | None, typer.Option(metavar="MONTH", help="Such as 2026-06; else all.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show which decisions by hand were drawn to be looked at again; draws are drawn again."""
    from orchestration.cli_audit import show_samples

    raise typer.Exit(show_samples(settings_of(home), period, as_json=as_json))


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


@audit_app.command("accept-gap")
def accept_gap(actor: Actor, reason: Why, home: Home = None) -> None:
    """Say that a part of the ledger is lost for good; a second person makes it hold."""
    from orchestration.cli_audit import accept_lost

    accept_lost(settings_of(home), actor, reason)


@deliver_app.callback(invoke_without_command=True)
def deliver(
    context: typer.Context,
    target: Target = None,
    once: Annotated[
        bool, typer.Option("--once", help="Stop when nothing more may be sent now.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Ask targets afterwards what they hold.")
    ] = False,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Ask targets first, and send nothing that they hold already."),
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Send what was released; without --once until it is stopped. Safe to run twice and to kill."""
    if context.invoked_subcommand is not None:
        return
    from orchestration.cli_deliver import send

    settings = settings_of(home)
    raise typer.Exit(
        send(settings, target, once=once, compare=compare, adopt=adopt, as_json=as_json)
    )


@deliver_app.command("status")
def deliver_status(target: Target = None, as_json: Json = False, home: Home = None) -> None:
    """Show breakers and backlog: what waits, is parked or unknown, and why."""
    from orchestration.cli_deliver import show_delivery

    show_delivery(settings_of(home), target, as_json=as_json)


@deliver_app.command("notice")
def deliver_notice(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Whose notice it is.")],
    signature: Annotated[str, typer.Option("--signature", help="As its header says: t=...,v1=...")],
    home: Home = None,
) -> None:
    """Take a receiver's webhook from standard input: check it, and ask the receiver itself."""
    from orchestration.cli_deliver import hear

    hear(settings_of(home), target, signature, sys.stdin.buffer.read())


@deliver_app.command("resume")
def deliver_resume(
    intent: Annotated[str, typer.Argument(metavar="INTENT", help="A parked one, from the status.")],
    actor: Actor,
    reason: Why,
    home: Home = None,
) -> None:
    """Let a parked artifact go on, under the key that it has."""
    from orchestration.cli_deliver import resume_intent

    resume_intent(settings_of(home), intent, actor, reason)
