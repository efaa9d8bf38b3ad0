"""`meshline replay`: what was known at a past moment, built again and compared with the record.

What belongs here: the order of the steps, and the comparison. What does not: the steps of a run
(`orchestration.runner`), and copying raw (`orchestration.warehouse.past`).
Only the command line imports this.
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
    contracts = load_contracts(settings.seeds)
    run = run_known_at(settings, moment)
    scratch = replace(settings, home=home, landing=home / "landing")
    request = RunRequest(scratch, as_of=run.as_of, full_refresh=True)
    with open_session(request, contracts, observer) as session:
        try:
            prepare(session)
            with session.step(Step.INGEST) as scope, run_lock(settings):
                rows = copy_raw(settings, scratch, run.as_of)
                scope.note = f"{rows:,} rows as they were known at {run.as_of:%Y-%m-%d %H:%M} UTC"
            session.load = LoadReport(files=(), ignored=(), known=0, has_news=True)
            session.news = News(run.input_hash, ("a replay",))
            found = _build(session)
        finally:
            stop_server(scratch)
    digest = run.input_hash.partition("/")[2]
    return Replay(
        run,
        home,
        len(run.fingerprints),
        compare(run.fingerprints, found),
        digest == product_digest(settings),
    )


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
