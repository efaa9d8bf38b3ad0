"""What one run knows while it goes: its request, its record, its steps, how it stands.

What belongs here: the state of one run and the opening and closing of its record.
What does not: what the steps do (`orchestration.runner`) and how progress looks (the command line).
`orchestration.runner`, `orchestration.defs`, `orchestration.definitions` and the command line may
import this.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from expectations.results import GateCheck, GateReport
from orchestration.core.contracts import SourceContract
from orchestration.core.errors import BlockedByCheck, ReconError, WarehouseBusy
from orchestration.settings import Settings
from orchestration.steps import Observer, Silent, Step, StepOutcome, StepScope
from orchestration.warehouse.loader import LoadReport
from orchestration.warehouse.run_checks import RunCheck, write_checks
from orchestration.warehouse.runs import (
    Run,
    RunLock,
    RunStatus,
    begin_run,
    finish_run,
    run_lock,
    utc_now,
)

T = TypeVar("T")

SECONDS_FOR_ORPHANS = 15.0
SECONDS_BETWEEN_TRIES = 0.1


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What somebody asked for.

    Attributes:
        settings: The home and the landing folder.
        as_of: The moment that the run takes as now, aware UTC; None takes the clock's.
        full_refresh: Build everything, also when nothing is new.
    """

    settings: Settings
    as_of: datetime | None = None
    full_refresh: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """Why the marts have to be built again.

    Attributes:
        input_hash: Names everything that decides what a publication says, but for the moment.
        reasons: In words; empty when a new publication would say what the last one says.
        published_load_seq: The highest delivery that the last publication has in it; 0 for none.
    """

    input_hash: str
    reasons: tuple[str, ...]
    published_load_seq: int = 0


@dataclass(slots=True)
class RunSession:
    """One run between its begin and its end.

    Attributes:
        request: What was asked for.
        run: Its number and moment.
        contracts: The source contracts, valid.
        observer: Who is told how far it is.
        outcomes: Steps that ended, in order.
        load: What the loader did; None before.
        news: Why there is something to build; None before that was looked at.
        warming: Imports Great Expectations beside the loader; None before there is news.
        gates: What the gates answered.
        tests: How each test of dbt ended.
        published: The published file; None as long as this run has published nothing.
        unserved: Why the server of BI tools does not show it; "" when it does or none is wanted.
        failure: The first error of a step.
    """

    request: RunRequest
    run: Run
    contracts: Mapping[str, SourceContract]
    observer: Observer = field(default_factory=Silent)
    outcomes: list[StepOutcome] = field(default_factory=list)
    load: LoadReport | None = None
    news: News | None = None
    warming: threading.Thread | None = None
    gates: list[GateReport] = field(default_factory=list)
    tests: list[RunCheck] = field(default_factory=list)
    published: Path | None = None
    unserved: str = ""
    failure: BaseException | None = None

    @property
    def settings(self) -> Settings:
        """The home of this run."""
        return self.request.settings

    @property
    def is_unchanged(self) -> bool:
        """Whether it was looked at, and nothing has to be built."""
        return self.news is not None and not self.news.reasons

    @property
    def status(self) -> RunStatus:
        """How the run ended, or would end now."""
        if isinstance(self.failure, BlockedByCheck):
            return RunStatus.BLOCKED
        if isinstance(self.failure, Exception):
            return RunStatus.FAILED
        if self.failure is not None:
            return RunStatus.INTERRUPTED
        if self.published is not None:
            return RunStatus.PUBLISHED
        return RunStatus.UNCHANGED if self.is_unchanged else RunStatus.FAILED

    @contextmanager
    def step(self, step: Step) -> Iterator[StepScope]:
        """Time one step, tell the observer, and keep the first error of the run."""
        scope = StepScope(
            advanced=lambda done, total, what: self.observer.advanced(step, done, total, what)
        )
        self.observer.started(step)
        begun = time.monotonic()
        try:
            yield scope
        except BaseException as error:
            scope.ok = False
            self.fail(error)
            raise
        finally:
            outcome = StepOutcome(step, time.monotonic() - begun, scope.note, scope.ok)
            self.outcomes.append(outcome)
            self.observer.finished(outcome)

    def fail(self, error: BaseException) -> None:
        """Keep an error, unless there is an earlier one."""
        if self.failure is None:
            self.failure = error

    def checks(self) -> list[RunCheck]:
        """Every single check of the run, those of the gates in the shape of those of dbt."""
        of_gates = [
            RunCheck(
                made_by=gate.gate,
                scope=one.suite,
                name=one.expectation,
                severity=one.severity,
                status=_status_of(one),
                judged_count=one.evaluated_count,
                failed_count=one.unexpected_count,
                reason=str(one.details.get("error") or one.details.get("reason", "")),
            )
            for gate in self.gates
            for one in gate.checks
        ]
        return [*of_gates, *self.tests]

    def report(self) -> dict[str, Any]:
        """What the record of the run keeps for people, representable as JSON."""
        return {
            "reasons": list(self.news.reasons) if self.news is not None else [],
            "unserved": self.unserved,
            "full_refresh": self.request.full_refresh,
            "gates": [
                {
                    "gate": gate.gate,
                    "checks": len(gate.checks),
                    "blocking": [one.sentence() for one in gate.blocking_failures],
                    "warnings": [one.sentence() for one in gate.warnings],
                }
                for gate in self.gates
            ],
            "steps": [
                {
                    "step": one.step.name.lower(),
                    "seconds": round(one.seconds, 3),
                    "note": one.note,
                    "ok": one.ok,
                }
                for one in self.outcomes
            ],
        }


@contextmanager
def open_session(
    request: RunRequest,
    contracts: Mapping[str, SourceContract],
    observer: Observer | None = None,
) -> Iterator[RunSession]:
    """Hold the home, open the record of a run, and close it however the run ends.

    Args:
        request: What was asked for.
        contracts: Valid source contracts, loaded before so that a bad one leaves no run behind.
        observer: Who is told how far it is; None tells nobody.

    Raises:
        WarehouseBusy: Another run holds the home.
        UsageRefused: The moment asked for lies before an earlier run of the home.
    """
    with run_lock(request.settings) as lock:
        run = _begin(request, lock)
        session = RunSession(request, run, contracts, observer or Silent())
        try:
            yield session
        except BaseException as error:
            session.fail(error)
            raise
        finally:
            _finish(session)


def _status_of(check: GateCheck) -> str:
    """How a check of a gate ended: one that broke judged nothing, whatever it says of rows."""
    if "error" in check.details:
        return "error"
    if check.is_blocking_failure:
        return "fail"
    return "pass" if check.success else "warn"


def _begin(request: RunRequest, lock: RunLock) -> Run:
    """Open the record of a run."""
    return _patiently(lambda: begin_run(request.settings, lock, as_of=request.as_of))


def _finish(session: RunSession) -> None:
    """Close the record of a run; an earlier error of the run is never hidden by one of this.

    A record that could not be closed is closed as interrupted by the next run.
    """
    try:
        _keep_checks(session)
        _patiently(
            lambda: finish_run(
                session.settings,
                session.run,
                session.status,
                message=_message(session.failure),
                input_hash=session.news.input_hash if session.news is not None else None,
                report=session.report(),
            )
        )
    except Exception as error:
        if session.failure is None:
            session.fail(error)
            raise


def _keep_checks(session: RunSession) -> None:
    """Keep the single checks for people; a list that cannot be written undoes no run."""
    if checks := session.checks():
        with suppress(OSError):
            write_checks(session.settings, session.run.run_no, utc_now(), checks)


def _patiently(action: Callable[[], T]) -> T:
    """Do something with the warehouse, giving the dbt of a killed run a moment to notice and go."""
    last_try = time.monotonic() + SECONDS_FOR_ORPHANS
    while True:
        try:
            return action()
        except WarehouseBusy:
            if time.monotonic() > last_try:
                raise
            time.sleep(SECONDS_BETWEEN_TRIES)


def _message(failure: BaseException | None) -> str:
    """What the record says about an error: the words of an expected one, the kind of any other."""
    if failure is None:
        return ""
    if isinstance(failure, ReconError):
        return str(failure)
    if isinstance(failure, Exception):
        return f"{type(failure).__name__}: {failure}"
    return "Stopped from outside before it ended; the next run does its work again."
