"""`meshline replay`: what it prints.

What belongs here: the look of the answer, and where the rebuilt home lies. What does not: building
and comparing (`orchestration.replay`). Only `orchestration.cli` may import this.
"""

import contextlib
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from orchestration.cli_display import print_json, stderr, stdout
from orchestration.cli_progress import observer
from orchestration.cli_run import terminated_like_interrupted
from orchestration.core.errors import UsageRefused
from orchestration.replay import Replay, replay
from orchestration.settings import Settings


def show_replay(settings: Settings, moment: datetime, keep: Path | None, *, as_json: bool) -> int:
    """Replay a moment, say what differs, and return 0 when nothing does, else 1.

    Raises:
        UsageRefused: The folder to keep is not empty, or nothing was published by then.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise UsageRefused(f"{keep} is not empty: give a folder that is not there yet.")
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(terminated_like_interrupted())
        folder = (
            keep.absolute()
            if keep is not None
            else Path(stack.enter_context(TemporaryDirectory(dir=settings.scratch)))
        )
        folder.mkdir(parents=True, exist_ok=True)
        with observer(stderr()) as watching:
            found = replay(settings, moment, folder, watching)
    if as_json:
        print_json(
            {
                "run_no": found.run.run_no,
                "as_of": found.run.as_of,
                "tables": found.table_count,
                "differences": [asdict(one) for one in found.differences],
                "is_same_product": found.is_same_product,
                "home": str(keep) if keep is not None else None,
            }
        )
    else:
        _print(stdout(), found, keep)
    return 1 if found.differences else 0


def _print(console: Console, found: Replay, keep: Path | None) -> None:
    """Print the answer for people."""
    console.print(
        f"Run {found.run.run_no}, known at {found.run.as_of:%Y-%m-%d %H:%M:%S} UTC, built again: "
        f"{found.table_count} tables compared, {len(found.differences)} differ."
    )
    for one in found.differences:
        console.print(f"  {one.sentence()}", soft_wrap=True)
    if found.differences and not found.is_same_product:
        console.print(
            "Contracts, rules, SQL or code have changed since that run, which alone can make "
            "differences. Replay with the version of that time to tell them apart.",
            soft_wrap=True,
        )
    if keep is not None:
        console.print(f"It can be read: meshline status --home {keep}", soft_wrap=True)
