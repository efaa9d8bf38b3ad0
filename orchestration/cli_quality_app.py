"""`meshline synthetic`: the commands and their options.

What belongs here: what can be said. What does not: what it does (`orchestration.cli_quality`),
which is imported when it is called. Only `orchestration.cli` imports this.
"""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_options import Home, Json, parse_moment, settings_of

synthetic_app = typer.Typer(
    no_args_is_help=True, help="Orders with known outcomes, through the real path every day."
)
Landing = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Landing folder; else <home>/landing.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TS", help="Moment that is taken as now, ISO 8601. Else now."),
]


@synthetic_app.command("run")
def run(
    landing: Landing = None, as_of: AsOf = None, as_json: Json = False, home: Home = None
) -> None:
    """Land the synthetic orders of the day, make a run, and say whether each came out right."""
    from orchestration.cli_quality import run_synthetic

    moment = parse_moment(as_of) if as_of is not None else None
    settings = settings_of(home=home, landing=landing)
    raise typer.Exit(run_synthetic(settings, moment, as_json=as_json))


@synthetic_app.command("land")
def land(landing: Landing = None, as_of: AsOf = None, home: Home = None) -> None:
    """Only land the synthetic orders of the day; the next run reads them."""
    from orchestration.cli_quality import land_synthetic

    moment = parse_moment(as_of) if as_of is not None else None
    land_synthetic(settings_of(home=home, landing=landing), moment)


@synthetic_app.command("show")
def show(
    days: Annotated[int, typer.Option(min=1, help="How many of the last days.")] = 7,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show what came of the synthetic orders."""
    from orchestration.cli_quality import show_synthetic

    raise typer.Exit(show_synthetic(settings_of(home=home), days, as_json=as_json))
