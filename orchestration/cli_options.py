"""Options that commands of several modules share, and which home a command was given.

What belongs here: declarations, and the settings of the home. What does not: any command. Only the
command line may import this.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.core.errors import UsageRefused
from orchestration.settings import Settings, load_settings

Home = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="DIR", help="Folder of all state; else MESHLINE_HOME, else .meshline."
    ),
]
Actor = Annotated[
    str, typer.Option("--as", metavar="ACTOR", help="Your account: a person's id or linked to one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
# The homes of this process, the last one for its errors.
CHOSEN: list[Settings] = []


def settings_of(home: Path | None, landing: Path | None = None) -> Settings:
    """Return the settings of a command, and remember them for its errors."""
    settings = load_settings(home=home, landing=landing)
    CHOSEN.append(settings)
    return settings


def parse_moment(text: str) -> datetime:
    """Return a moment given on the command line, aware UTC.

    Raises:
        UsageRefused: It is not ISO 8601.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageRefused(
            f"--as-of {text!r} is not a moment. Give ISO 8601, such as 2026-06-30T12:00:00Z or "
            "2026-06-30; without offset it is read as UTC."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
