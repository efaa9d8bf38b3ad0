"""One run: what happens, in which order, and when nothing has to happen.

What belongs here: each step of a run as one function over a session; the decision whether there is
anything to build. What does not: Dagster (`orchestration.defs` calls these functions one by one),
the work itself (warehouse, expectations, dbt), and how progress looks.
`orchestration.defs`, `orchestration.definitions` and the command line may import this.

Great Expectations takes ten seconds to import, so it is imported by the steps that use it, and
warmed beside the loader as soon as there is something to judge.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from expectations import (
    GateReport,
    run_published_gate,
    run_source_gate,
    run_validation_gate,
    warm,
)
from orchestration.connectors.contracts import load_contracts
from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import BlockedByCheck, ReconError, UsageRefused
from orchestration.dbt_runs import (
    build,
    build_arguments,
    project_files,
    start_server,
    stop_server,
)
from orchestration.dbt_watch import DbtWatch
from orchestration.decisions_step import put_in_force
from orchestration.releases import refuse_unreleased
from orchestration.serving.address import is_wanted
from orchestration.session import News, RunRequest, RunSession, open_session
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.steps import STEP_OF_PHASE, Observer, Step, StepScope
from orchestration.tickets_step import import_events, last_decision, tend_tickets
from orchestration.warehouse.assignments import AssignmentReport, assign_open_items
from orchestration.warehouse.connection import reader, writer
from orchestration.warehouse.fingerprints import Fingerprint, record_fingerprints
from orchestration.warehouse.knowledge import forget_unpublished, keep_replaced
from orchestration.warehouse.loader import FileResult, LoadReport, load_landing
from orchestration.warehouse.news import RawMark, deadline_crossed, raw_mark
from orchestration.warehouse.publisher import publish as publish_marts
from orchestration.warehouse.publisher import read_pointer
from orchestration.warehouse.runs import last_published

if TYPE_CHECKING:
    from orchestration.ledger.ticket_sync import SyncReport

CODE_FOLDERS = ("orchestration", "expectations")


@contextmanager
def open_run(request: RunRequest, observer: Observer | None = None) -> Iterator[RunSession]:
    """Check what can be checked before anything is touched, then hold the home for one run.

    Raises:
        ContractError: A source contract is not valid; every problem is listed.
        PolicyError: The operating model is not sound; every problem is listed.
        UsageRefused: A version of a rule is not released, the landing folder cannot be read, or
            the moment lies before an earlier run.
        WarehouseBusy: Another run holds the home.
    """
    contracts = load_contracts(request.settings.seeds)
    load_operating_model(request.settings.seeds)
    refuse_unreleased(request.settings)
    check_landing(request.settings)
    with open_session(request, contracts, observer) as session:
        try:
            yield session
        finally:
            stop_server(request.settings)


def check_landing(settings: Settings) -> None:
    """Make the home's own landing folder; refuse any other that is not there.

    Raises:
        UsageRefused: There is no such folder.
    """
    if settings.landing == settings.home / "landing":
        settings.landing.mkdir(parents=True, exist_ok=True)
    if not settings.landing.is_dir():
        raise UsageRefused(
            f"There is no landing folder {settings.landing}. Name a folder that holds one folder "
            "per source (such as <landing>/generic/orders.csv), or leave --landing away to use "
            f"{settings.home / 'landing'}."
        )


def ingest(session: RunSession) -> LoadReport:
    """Load what landed and decide whether there is anything to build; safe to call twice."""
    if session.load is not None:
        return session.load
    announce = _once(lambda: prepare(session))
    with session.step(Step.INGEST) as scope:
        results: list[FileResult] = []

        def looked_at(result: FileResult) -> None:
            results.append(result)
            scope.advanced(len(results), 0, result.file_name)
            if result.rows_loaded or result.rows_rejected or result.status == "refused":
                announce()

        pointer = read_pointer(session.settings)
        with writer(session.settings) as connection:
            forget_unpublished(connection, pointer.run_no if pointer is not None else 0)
        session.load = load_landing(
            session.settings,
            session.contracts,
            session.settings.landing,
            as_of=session.run.as_of,
            run_no=session.run.run_no,
            progress=looked_at,
        )
        model = load_operating_model(session.settings.seeds)
        put_in_force(session.settings, model, session.run.run_id, session.run.as_of)
        session.news = find_news(session, last_decision(session.settings))
        if session.news.reasons:
            announce()
            import_events(session.settings, session.run.as_of)
        scope.note = describe_load(session.load)
    return session.load


def _once(action: Callable[[], None]) -> Callable[[], None]:
    """The same action, done at the first call only."""
    waiting = [action]

    def act() -> None:
        if waiting:
            waiting.pop()()

    return act


def describe_load(report: LoadReport) -> str:
    """A few words on what a load brought."""
    if not report.files:
        return "no new file"
    rows = sum(one.rows_loaded for one in report.files)
    rejected = sum(one.rows_rejected for one in report.files)
    refused = sum(1 for one in report.files if one.status == "refused")
    parts = [f"{len(report.files)} files", f"{rows:,} new rows"]
    parts += [f"{rejected:,} rows rejected"] if rejected else []
    parts += [f"{refused} files refused"] if refused else []
    return ", ".join(parts)


def find_news(session: RunSession, decided_seq: int) -> News:
    """Compare what a publication would be built from with what the last one was built from.

    What the engine put into the ledger is no news: it follows from what was built.
    """
    settings = session.settings
    with reader(settings.warehouse) as connection:
        mark = raw_mark(connection)
    rules = product_digest(settings)
    input_hash = f"{mark}/{rules}/{decided_seq}"
    last, pointer = last_published(settings), read_pointer(settings)
    if last is None or last.input_hash is None:
        return News(input_hash, ("nothing is published yet",))
    reasons = []
    mark_then, rules_then, decided_then = (*last.input_hash.split("/"), "", "")[:3]
    if pointer is None or pointer.run_no != last.run_no:
        reasons.append("the published file is not that of the last run that published")
    if session.request.full_refresh:
        reasons.append("a full refresh was asked for")
    if mark_then != str(mark):
        reasons.append("rows arrived")
    if decided_then != str(decided_seq):
        reasons.append("somebody decided something, or a receiver answered")
    if rules_then != rules:
        reasons.append("contracts, rules or models changed")
    with reader(settings.warehouse) as connection:
        due = deadline_crossed(connection, after=last.as_of, until=session.run.as_of)
    if due is not None:
        reasons.append(f"a deadline passed at {due:%Y-%m-%d %H:%M} UTC")
    return News(input_hash, tuple(reasons), published_load_seq=RawMark.parse(mark_then).load_seq)


def product_digest(settings: Settings) -> str:
    """Hash everything but rows that decides what a publication says: rules, SQL and code."""
    digest = hashlib.sha256()
    code = [
        path for folder in CODE_FOLDERS for path in sorted((PROJECT_ROOT / folder).rglob("*.py"))
    ]
    for path in (*project_files(settings), *code):
        digest.update(f"{path.name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def prepare(session: RunSession) -> None:
    """Begin to import beside the loader what a run with news needs: dbt, Great Expectations."""
    start_server(session.settings)
    session.warming = threading.Thread(target=warm, name="meshline-warm", daemon=True)
    session.warming.start()


def source_gate(session: RunSession) -> GateReport:
    """Judge the rows that this run loaded; a refusal is kept as the run's failure, not raised."""
    with session.step(Step.SOURCE_GATE) as scope:
        with writer(session.settings) as connection:
            report = run_source_gate(
                connection,
                session.contracts,
                session.run.run_no,
                after_load_seq=session.news.published_load_seq if session.news else 0,
                as_of=session.run.as_of,
            )
        _keep(session, scope, report)
    return report


def validation_gate(session: RunSession) -> GateReport:
    """Judge the order versions that are about to go downstream; what fails is held, not refused."""
    with session.step(Step.VALIDATION_GATE) as scope:
        with writer(session.settings) as connection:
            report = run_validation_gate(connection, session.run.run_no)
        _keep(session, scope, report)
        held = sum(one.unexpected_count for one in report.checks)
        broken = sum(1 for one in report.checks if "error" in one.details)
        scope.note = f"{len(report.checks)} gates, {held:,} failures"
        scope.note += f", {broken} gates did not run" if broken else ""
        scope.ok = not broken
    return report


def published_gate(session: RunSession) -> GateReport:
    """Judge the marts before anybody reads them; a refusal is kept, not raised."""
    with session.step(Step.PUBLISHED_GATE) as scope:
        with writer(session.settings) as connection:
            report = run_published_gate(
                connection,
                session.run.run_no,
                synthetic_blocks=session.settings.synthetic_blocks,
            )
        _keep(session, scope, report)
    return report


def dbt_arguments(session: RunSession, phase: str) -> tuple[str, ...]:
    """Return the arguments of dbt for a phase of this run."""
    return build_arguments(
        phase,
        as_of=session.run.as_of,
        run_no=session.run.run_no,
        full_refresh=session.request.full_refresh,
    )


def transform(session: RunSession, phase: str) -> None:
    """Run one phase of dbt without Dagster.

    Raises:
        BlockedByCheck: A data test failed.
        DbtFailed: A model could not be built.
    """
    with session.step(STEP_OF_PHASE[phase]) as scope:
        watch = DbtWatch(advanced=scope.advanced)
        try:
            build(session.settings, phase, dbt_arguments(session, phase), watch)
        finally:
            session.tests += watch.checks
        scope.note = watch.summary()


def assign(session: RunSession) -> AssignmentReport:
    """Match what has no key, between the phases; safe to call twice."""
    with session.step(Step.ASSIGNMENT) as scope:
        with writer(session.settings) as connection:
            report = assign_open_items(connection, scope.advanced)
        scope.note = report.note()
    return report


def tickets(session: RunSession) -> "SyncReport":
    """Tell the ledger what the run found; nothing is told once a step of the run has failed.

    Raises:
        BlockedByCheck: Something before has failed.
        LedgerDamaged: The ledger is not a continuation of what was signed.
    """
    with session.step(Step.TICKETS) as scope:
        if session.failure is not None:
            raise BlockedByCheck("An earlier step of this run failed, so no ticket was touched.")
        model = load_operating_model(session.settings.seeds)
        report = tend_tickets(session.settings, session.run, model)
        scope.note = report.note()
    return report


def fingerprint(session: RunSession) -> tuple[Fingerprint, ...]:
    """Hash the marts and keep the result beside them."""
    with session.step(Step.FINGERPRINT) as scope:
        pointer = read_pointer(session.settings)
        path = session.settings.serving / pointer.file if pointer is not None else None
        with writer(session.settings) as connection:
            replaced = keep_replaced(
                connection,
                path if path is not None and path.is_file() else None,
                published_run_no=pointer.run_no if pointer is not None else 0,
                run_no=session.run.run_no,
                as_of=session.run.as_of,
            )
            found = record_fingerprints(
                connection, run_no=session.run.run_no, as_of=session.run.as_of
            )
        rows = sum(one.row_count for one in found)
        scope.note = f"{len(found)} tables, {rows:,} rows, {replaced:,} replaced"
    return found


def publish(session: RunSession) -> Path:
    """Give the marts to readers; nothing is published once a step of the run has failed.

    Raises:
        BlockedByCheck: Something before has failed.
    """
    with session.step(Step.PUBLISH) as scope:
        if session.failure is not None:
            raise BlockedByCheck("An earlier step of this run failed, so nothing is published.")
        session.published = publish_marts(session.settings, session.run.run_no)
        scope.note = session.published.name
    serve(session)
    return session.published


def serve(session: RunSession) -> None:
    """Copy what is published to the server of BI tools, if one is configured and behind.

    Raises nothing: the publication stands whatever becomes of its copy; what went wrong is kept
    for the summary.
    """
    try:
        if not is_wanted():
            return
    except UsageRefused as error:
        session.unserved = str(error)
        return
    with session.step(Step.SERVE) as scope:
        try:
            from orchestration.serving.postgres import serve_published

            scope.note = serve_published(session.settings).note()
        except ReconError as error:
            session.unserved = str(error)
        except Exception as error:  # noqa: BLE001, a defect here must not undo the run
            session.unserved = (
                f"An unexpected {type(error).__name__} kept the server from being filled. Run "
                "`meshline publish postgres` to see it again, and report it."
            )
        if session.unserved:
            scope.ok, scope.note = False, "not served, see below"


def _keep(session: RunSession, scope: StepScope, report: GateReport) -> None:
    """Keep what a gate answered, and its refusal as the failure of the run."""
    session.gates.append(report)
    scope.note = f"{len(report.checks)} checks, {len(report.warnings)} warnings"
    if not report.passed:
        scope.ok = False
        scope.note += f", {len(report.blocking_failures)} refusals"
        session.fail(BlockedByCheck(report.message()))
