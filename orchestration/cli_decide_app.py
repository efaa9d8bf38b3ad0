"""`meshline override`, `approve`, `reject`, `revoke`, `approvals`: commands and their options.

What belongs here: what can be said. What does not: what it does (`orchestration.cli_decide`), which
is imported when it is called. Only `orchestration.cli` imports this.
"""

from typing import Annotated

import typer

from orchestration.cli_options import Actor, Home, Json, settings_of

# Without a name: its commands stand beside those of the whole.
decisions_app = typer.Typer()
approvals_app = typer.Typer(
    no_args_is_help=True, help="What waits for a signature, and what holds."
)
decisions_app.add_typer(approvals_app, name="approvals")

Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, at least 15 characters.")
]
ReasonCode = Annotated[
    str, typer.Option("--code", metavar="CODE", help="A reason of seeds/taxonomy/reason_codes.csv.")
]
Approval = Annotated[str, typer.Argument(metavar="ID", help="The request's id, or how it begins.")]


@decisions_app.command()
def override(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="gate_waiver, key_override, value_change, value_override, manual_match, "
            "forced_match or write_off.",
        ),
    ],
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Any id of the order.")],
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="The gate, the document, the leg, or an exception of it."
        ),
    ],
    actor: Actor,
    code: ReasonCode,
    reason: Reason,
    amount: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="value_override: what is to count.")
    ] = None,
    quantity: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="value_override: what is to count.")
    ] = None,
    members: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME",
            help="manual_match: a document, an order or an exception; may be repeated.",
        ),
    ] = None,
    break_glass: Annotated[
        bool,
        typer.Option(
            "--break-glass", help="Let it hold at once; a second person must sign afterwards."
        ),
    ] = False,
    nonce: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Makes a repeated call the same request.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Ask for a decision against a rule; others sign it, and the next run uses it."""
    from orchestration.cli_decide import Asking, ask, extras_of

    extras = extras_of(amount, quantity, members or [])
    asking = Asking(kind, order, what, actor, code, reason, break_glass, nonce, extras)
    ask(settings_of(home=home), asking, as_json=as_json)


@decisions_app.command()
def approve(
    approval: Approval,
    actor: Actor,
    reason: Reason,
    seen: Annotated[
        str | None,
        typer.Option(
            "--hash", metavar="HASH", help="Of what you looked at; `approvals show` tells it."
        ),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Sign a request of somebody else."""
    from orchestration.cli_decide import sign

    sign(settings_of(home=home), approval, actor, reason, seen, as_json=as_json)


@decisions_app.command()
def reject(
    approval: Approval,
    actor: Actor,
    code: ReasonCode,
    reason: Reason,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say no to a request of somebody else."""
    from orchestration.cli_decide import turn_down

    turn_down(settings_of(home=home), "reject", approval, actor, code, reason, as_json=as_json)


@decisions_app.command()
def revoke(
    approval: Approval,
    actor: Actor,
    code: ReasonCode,
    reason: Reason,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take a request or a decision back; the next run undoes what it did."""
    from orchestration.cli_decide import turn_down

    turn_down(settings_of(home=home), "revoke", approval, actor, code, reason, as_json=as_json)


@approvals_app.command("list")
def list_requests(
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help="Such as requested; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to show.")] = 50,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List requests, newest first, with who still has to sign."""
    from orchestration.cli_decide import show_list

    show_list(settings_of(home=home), state or [], limit, as_json=as_json)


@approvals_app.command("review")
def review_decision(
    approval: Annotated[
        str, typer.Argument(metavar="ID", help="A decision in force, or the key of an alarm.")
    ],
    actor: Actor,
    code: ReasonCode,
    reason: Reason,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say what looking again at a decision by hand has shown; for internal control."""
    from orchestration.cli_decide import turn_down

    turn_down(settings_of(home=home), "review", approval, actor, code, reason, as_json=as_json)


@approvals_app.command("show")
def show_request(approval: Approval, as_json: Json = False, home: Home = None) -> None:
    """Show one request: what exactly is asked for, its hash, who signed."""
    from orchestration.cli_decide import show_one

    show_one(settings_of(home=home), approval, as_json=as_json)
