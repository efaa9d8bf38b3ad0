"""`meshline run`: one run from the command line, and what it prints.

What belongs here: holding the run, handing it to the Dagster job, the result for people and
machines. What does not: what a run does (`orchestration.runner`, `orchestration.defs`).
Only `orchestration.cli` may import this.

Dagster, dbt and Great Expectations take seconds to import. A run in which nothing is new needs none
of them; otherwise their imports go on beside the loader.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from orchestration.cli_display import print_json, stderr, stdout
from orchestration.cli_progress import observer
from orchestration.cli_run_page import print_run
from orchestration.core.errors import ReconError
from orchestration.reading.summary import Summary, read_summary
from orchestration.runner import ingest, open_run, serve
from orchestration.session import RunRequest, RunSession
from orchestration.settings import Settings
from orchestration.warehouse.reader import NothingPublished, open_published


class RunDefect(ReconError):
    """A step of a run broke on something nobody expected."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        session: The run; None when it was refused before it began.
        summary: What is published now; None when nothing is.
        error: Why it did not end well; None when it did.
    """

    session: RunSession | None
    summary: Summary | None
    error: BaseException | None

    @property
    def exit_code(self) -> int:
        """0 well, 130 stopped from outside, else what the error says."""
        if self.error is None:
            return 0
        if isinstance(self.error, ReconError):
            return self.error.exit_code
        return 1 if isinstance(self.error, Exception) else 130

    @property
    def message(self) -> str:
        """The error in words; empty when there is none."""
        if self.error is None:
            return ""
        if isinstance(self.error, Exception):
            return str(self.error)
        return (
            "Stopped. Nothing half-done was published, and files that were loaded stay loaded; "
            "the next run goes on from there."
        )


def run(request: RunRequest, *, as_json: bool) -> int:
    """Make one run, print what came of it, and return the exit code."""
    result = execute(request)
    if as_json:
        print_json(as_document(result))
    else:
        print_run(stdout(), result.session, result.summary)
    if result.message:
        stderr().print(f"meshline: {result.message}", soft_wrap=True, style="red")
    return result.exit_code


def execute(request: RunRequest) -> RunResult:
    """Make one run and return what came of it; raises nothing."""
    session = None
    error: BaseException | None = None
    try:
        with (
            terminated_like_interrupted(),
            observer(stderr()) as watching,
            open_run(request, watching) as session,
        ):
            _make(session)
    except BaseException as caught:  # noqa: BLE001, each one becomes a message; Dagster has its own
        error = _for_people(caught, request.settings)
    return RunResult(session, _summary(request.settings), error)


def as_document(result: RunResult) -> dict[str, Any]:
    """Return what `--json` prints."""
    document: dict[str, Any] = {
        "status": "refused",
        "exit_code": result.exit_code,
        "message": result.message,
    }
    session = result.session
    if session is not None:
        document |= {
            "status": session.status.value,
            "run_no": session.run.run_no,
            "run_id": session.run.run_id,
            "as_of": session.run.as_of,
            **session.report(),
            "files": [asdict(one) for one in session.load.files] if session.load else [],
        }
    if result.summary is not None:
        document["published"] = {
            **asdict(result.summary),
            "reconciled_rate": result.summary.reconciled_rate,
            "leak_by_currency": result.summary.leak_by_currency(),
        }
    return document


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let a polite kill end the run the way Ctrl-C does: recorded, with nothing left behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _make(session: RunSession) -> None:
    """Load, and when that brought something, hand the run to the job."""
    ingest(session)
    if session.is_unchanged:
        serve(session)
        return
    log = session.settings.home / "logs" / f"{session.run.run_id}.log"
    with _into_log(log):
        _run_job(session)
    if session.failure is not None:
        raise session.failure


def _run_job(session: RunSession) -> None:
    """Run the Dagster job in this process, with this run in the place of one of its own.

    Two threads that import share one interpreter and gain nothing, so the warming is awaited.
    """
    if session.warming is not None:
        session.warming.join()
    from dagster import DagsterExecutionInterruptedError, DagsterInstance

    from orchestration.definitions import build_definitions
    from orchestration.defs.schedules import JOB_NAME

    definitions = build_definitions(session.settings, overrides={"run": session})
    with DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(JOB_NAME).execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "INFO"}}}},
        )
    if not result.success and session.failure is None:
        errors = [
            event.step_failure_data.error
            for event in result.all_node_events
            if event.is_step_failure and event.step_failure_data.error is not None
        ]
        if any(error.cls_name == DagsterExecutionInterruptedError.__name__ for error in errors):
            session.fail(KeyboardInterrupt())
        else:
            reasons = "; ".join(error.message.strip() for error in errors)
            session.fail(RunDefect(reasons or "The job ended without saying why."))


@contextlib.contextmanager
def _into_log(log: Path) -> Iterator[None]:
    """Send what Dagster and dbt print to a file; the terminal is for results and progress."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a", encoding="utf-8") as stream,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        yield


def _for_people(error: BaseException, settings: Settings) -> BaseException:
    """Turn an unexpected error into one sentence, its details going to a file."""
    if isinstance(error, ReconError) or not isinstance(error, Exception):
        return error
    from orchestration.cli_errors import describe_defect

    return RunDefect(describe_defect(error, settings))


def _summary(settings: Settings) -> Summary | None:
    """What is published now."""
    try:
        with open_published(settings) as published:
            return read_summary(published)
    except NothingPublished:
        return None
