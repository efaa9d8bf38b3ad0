"""`meshline publish`: giving what is published to others by hand.

What belongs here: the commands and what they print. What does not: publishing, which every run does
by itself (`orchestration.runner`). Only `orchestration.cli` imports this.
"""

from typing import Annotated

import typer

from orchestration.cli_options import Home, Json, settings_of

publish_app = typer.Typer(no_args_is_help=True, help="What is published, given to others again.")


@publish_app.callback()
def publish() -> None:
    """Give what is published to others again; a run does this by itself."""


@publish_app.command("postgres")
def to_postgres(
    patience: Annotated[
        int, typer.Option(min=0, help="Seconds to wait for readers in a transaction.")
    ] = 60,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Copy the publication into the PostgreSQL of MESHLINE_SERVING_URL and swap it in."""
    from dataclasses import asdict

    from orchestration.cli_display import print_json, stdout
    from orchestration.serving.postgres import serve_published

    served = serve_published(settings_of(home=home), again=True, patience_seconds=patience)
    if as_json:
        print_json(asdict(served))
    else:
        stdout().print(
            f"PostgreSQL shows run {served.run_no} in schema marts: {served.note()}, "
            f"copied in {served.copy_seconds:.1f} s."
        )
