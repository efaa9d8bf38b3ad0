"""The page that a run ends with.

What belongs here: what this run read and how it ended. What does not: the figures of what is
published (`orchestration.cli_summary`). Only the command line may import this.
"""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from orchestration.cli_display import clean, table
from orchestration.cli_summary import print_figures, print_where_next
from orchestration.reading.summary import Summary
from orchestration.session import RunSession
from orchestration.warehouse.loader import FileResult
from orchestration.warehouse.runs import RunStatus

SHOWN_PROBLEM_FILES = 10


def print_run(console: Console, session: RunSession | None, summary: Summary | None) -> None:
    """Print what a run read and what is published now."""
    if session is not None and session.load is not None:
        print_files(console, session.load.files, session.settings.landing)
    if session is not None:
        console.print(Text(headline(session, summary), style="bold"))
    if session is not None and session.unserved:
        console.print(
            Text(f"BI tools on PostgreSQL do not see this publication. {clean(session.unserved)}"),
            style="yellow",
            soft_wrap=True,
        )
    if summary is None:
        return
    print_figures(console, summary)
    print_where_next(console, summary)


def headline(session: RunSession, summary: Summary | None) -> str:
    """Say in one line how a run ended."""
    run = session.run
    moment = f"{run.as_of:%Y-%m-%d %H:%M} UTC"
    shown = f"run {summary.run_no}" if summary is not None else "nothing"
    match session.status:
        case RunStatus.PUBLISHED:
            return f"Run {run.run_no} published, moment {moment}."
        case RunStatus.UNCHANGED:
            return f"Run {run.run_no}: nothing new since run {summary.run_no if summary else 0}."
        case RunStatus.BLOCKED:
            return f"Run {run.run_no} was blocked by a check; readers still see {shown}."
        case RunStatus.INTERRUPTED:
            return f"Run {run.run_no} was stopped; readers still see {shown}."
        case _:
            return f"Run {run.run_no} failed; readers still see {shown}."


def print_files(console: Console, files: Sequence[FileResult], landing: Path) -> None:
    """Print what was read in this run, per source, and the files with a problem."""
    if not files:
        console.print(
            f"No new file in {clean(landing)}: extracts go there as SOURCE/STREAM.csv, or name "
            "another folder with --landing.",
            soft_wrap=True,
        )
        console.print()
        return
    sums: dict[str, list[int]] = {}
    for one in files:
        counts = sums.setdefault(one.source, [0] * 6)
        read = (one.rows_read, one.rows_loaded, one.rows_duplicate, one.rows_rejected)
        for place, number in enumerate((1, *read, int(one.status == "refused"))):
            counts[place] += number
    console.print(
        table(
            "Read in this run",
            [
                "source",
                "files>",
                "rows read>",
                "new>",
                "seen before>",
                "rejected>",
                "refused files>",
            ],
            ([source, *counts] for source, counts in sorted(sums.items())),
        )
    )
    faulty = [one for one in files if one.fault_id or one.reason]
    for one in faulty[:SHOWN_PROBLEM_FILES]:
        where = f"{clean(one.source)}/{clean(one.file_name)}"
        why = f"{clean(one.fault_id)} {clean(one.reason)}".strip("- ")
        console.print(
            Text(f"  {clean(one.status)}: {where}: {why}", style="yellow"), soft_wrap=True
        )
    if len(faulty) > SHOWN_PROBLEM_FILES:
        console.print(f"  and {len(faulty) - SHOWN_PROBLEM_FILES} more files with a remark")
    console.print()
