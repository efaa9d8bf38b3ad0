"""`meshline replay`: what was known at a past moment, built again and compared with the record.

What belongs here: the order of the steps, and the comparison. What does not: the steps of a run
(`orchestration.runner`), and copying raw (`orchestration.warehouse.past`).
The command line and `orchestration.shadow` import this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from orchestration.connectors.contracts import load_contracts
from orchestration.dbt_runs import stop_server
from orchestration.runner import (
    assign,
    fingerprint,
    prepare,
    product_digest,
    publish,
    source_gate,
    transform,
    validation_gate,
)
from orchestration.session import News, RunRequest, RunSession, open_session
from orchestration.settings import Settings
from orchestration.steps import Observer, Step
from orchestration.warehouse.fingerprints import Fingerprint
from orchestration.warehouse.loader import LoadReport
from orchestration.warehouse.past import RecordedRun, copy_raw, run_known_at
from orchestration.warehouse.runs import run_lock


@dataclass(frozen=True, slots=True)
class Difference:
    """One table that came out otherwise.

    Attributes:
        table_name: Table of schema `marts`.
        recorded_count: Rows that the run recorded; None when it had no such table.
        rebuilt_count: Rows now; None when there is no such table now.
    """

    table_name: str
    recorded_count: int | None
    rebuilt_count: int | None

    def sentence(self) -> str:
        """Return the difference in words."""
        if self.recorded_count is None:
            return f"{self.table_name}: not there then, {self.rebuilt_count:,} rows now"
        if self.rebuilt_count is None:
            return f"{self.table_name}: {self.recorded_count:,} rows then, not there now"
        if self.recorded_count != self.rebuilt_count:
            return (
                f"{self.table_name}: {self.recorded_count:,} rows then, "
                f"{self.rebuilt_count:,} rows now"
            )
        return f"{self.table_name}: as many rows ({self.rebuilt_count:,}), other contents"


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found.

    Attributes:
        run: The run whose moment was built again.
        home: Where the rebuilt warehouse and publication lie.
        table_count: Tables compared.
        differences: Those that came out otherwise, by name.
        is_same_product: Whether contracts, rules, SQL and code are those of that run.
    """

    run: RecordedRun
    home: Path
    table_count: int
    differences: tuple[Difference, ...]
    is_same_product: bool


def replay(
    settings: Settings, moment: datetime, home: Path, observer: Observer | None = None
) -> Replay:
    """Build the marts that were known at a moment in a home of their own, and compare them.

    Args:
        settings: The home whose past is asked for; it is not changed.
        moment: Aware UTC; the last run that had published by then is built again.
        home: An empty folder for the rebuilt state.
        observer: Who is told how far it is.

    Raises:
        UsageRefused: Nothing had been published by then.
        WarehouseBusy: A run holds the home.
    """
    run = run_known_at(settings, moment)
    scratch = replace(settings, home=home, landing=home / "landing")
    found = rebuild(settings, scratch, run, observer)
    return Replay(
        run,
        home,
        len(run.fingerprints),
        compare(run.fingerprints, found),
        is_same_product(settings, run),
    )


def is_same_product(settings: Settings, run: RecordedRun) -> bool:
    """Whether contracts, rules, SQL and code are those that a run was made with."""
    return run.input_hash.partition("/")[2] == product_digest(settings)


def rebuild(
    settings: Settings, scratch: Settings, run: RecordedRun, observer: Observer | None
) -> tuple[Fingerprint, ...]:
    """Build the marts of a past run in another home, from raw as it was then.

    Args:
        settings: The home of the run; it is locked while raw is copied, and not changed.
        scratch: The other home, and the rules and SQL to build with.
        run: Whose moment it is.
        observer: Who is told how far it is.
    """
    contracts = load_contracts(scratch.seeds)
    request = RunRequest(scratch, as_of=run.as_of, full_refresh=True)
    with open_session(request, contracts, observer) as session:
        try:
            prepare(session)
            with session.step(Step.INGEST) as scope, run_lock(settings):
                rows = copy_raw(settings, scratch, run.as_of)
                scope.note = f"{rows:,} rows as they were known at {run.as_of:%Y-%m-%d %H:%M} UTC"
            session.load = LoadReport(files=(), ignored=(), known=0, has_news=True)
            session.news = News(run.input_hash, ("a replay",))
            return _build(session)
        finally:
            stop_server(scratch)


def _build(session: RunSession) -> tuple[Fingerprint, ...]:
    """Go through the steps of a run behind its loading."""
    source_gate(session)
    transform(session, "phase_1")
    if session.warming is not None:
        session.warming.join()
    validation_gate(session)
    assign(session)
    transform(session, "phase_2")
    found = fingerprint(session)
    session.failure = None  # a gate that refused then refuses now: it is the marts that count
    publish(session)
    return found


def compare(
    recorded: Mapping[str, tuple[int, str]], rebuilt: tuple[Fingerprint, ...]
) -> tuple[Difference, ...]:
    """Return the tables whose fingerprints differ, by name."""
    now = {one.table_name: (one.row_count, one.fingerprint) for one in rebuilt}
    return tuple(
        Difference(name, recorded.get(name, (None,))[0], now.get(name, (None,))[0])
        for name in sorted({*recorded, *now})
        if recorded.get(name) != now.get(name)
    )
