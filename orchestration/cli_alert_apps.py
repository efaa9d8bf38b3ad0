"""`meshline alerts`: the commands and their options.

What belongs here: what can be said. What does not: what it does (`orchestration.cli_alerts`), which
is imported when it is called. Only `orchestration.cli` imports this.
"""

from typing import Annotated

import typer

from orchestration.cli_options import Home, Json, settings_of

alerts_app = typer.Typer(help="Who is told what: alerts, their messages, and sending them.")

Limit = Annotated[int, typer.Option(metavar="N", min=1, help="At most so many, newest first.")]


@alerts_app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context, limit: Limit = 20, as_json: Json = False, home: Home = None
) -> None:
    """Show messages, what waits in each channel, and what does not get through."""
    if context.invoked_subcommand is not None:
        return
    from orchestration.cli_alerts import show_alerts

    show_alerts(settings_of(home), limit, as_json=as_json, one_by_one=False)


@alerts_app.command("list")
def alerts_list(limit: Limit = 50, as_json: Json = False, home: Home = None) -> None:
    """Show single alerts: what each is about, and what became of it in each channel."""
    from orchestration.cli_alerts import show_alerts

    show_alerts(settings_of(home), limit, as_json=as_json, one_by_one=True)


@alerts_app.command("send")
def alerts_send(
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until stopped, looking every 15 seconds.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Look at deadlines, requests, runs and feeds, and send what may go. Safe to run twice."""
    from orchestration.cli_alerts import send_alerts

    raise typer.Exit(send_alerts(settings_of(home), watch=watch, as_json=as_json))


@alerts_app.command("test")
def alerts_test(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="One of alert_channels.yml.")],
    home: Home = None,
) -> None:
    """Send a message that says that a channel works."""
    from orchestration.cli_alerts import check_channel

    raise typer.Exit(check_channel(settings_of(home), channel))
