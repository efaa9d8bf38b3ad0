"""How a run shows how far it is: bars on a terminal, one line per finished step in a pipe.

What belongs here: the observer of a run. What does not: the run.
Only the command line may import this.
"""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from orchestration.cli_display import clean
from orchestration.steps import Step, StepOutcome


class Lines:
    """Writes one plain line for each finished step."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave nothing behind."""

    def started(self, step: Step) -> None:
        """Say nothing: the line comes with the end."""

    def advanced(self, step: Step, done: int, total: int, what: str) -> None:
        """Say nothing: the line comes with the end."""

    def finished(self, outcome: StepOutcome) -> None:
        """Write the line of a step."""
        self._console.print(line_of(outcome), soft_wrap=True)


class Bars:
    """Shows the step at work with a bar, and the finished ones above it."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[what]}", style="dim", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def started(self, step: Step) -> None:
        """Show the bar of a step."""
        self._task = self._progress.add_task(step.value, total=None, what="")

    def advanced(self, step: Step, done: int, total: int, what: str) -> None:
        """Move the bar."""
        if self._task is not None:
            del step  # one is at work at a time
            counted = f"{done}/{total}" if total else f"{done}"
            self._progress.update(
                self._task,
                completed=done,
                total=total or None,
                what=f"{counted} {clean(what)[:50]}",
            )

    def finished(self, outcome: StepOutcome) -> None:
        """Put the line of a step in the place of its bar."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._progress.console.print(line_of(outcome), soft_wrap=True)


def line_of(outcome: StepOutcome) -> str:
    """One finished step in one line."""
    mark = "done  " if outcome.ok else "FAILED"
    note = f": {clean(outcome.note)}" if outcome.note else ""
    return f"{mark} {outcome.seconds:6.1f} s  {outcome.step.value}{note}"


def observer(console: Console) -> Lines | Bars:
    """Return what fits the console."""
    return Bars(console) if console.is_terminal else Lines(console)
