"""The gates: judge what is new or about to be published, and keep every answer.

What belongs here: the order of the work inside one gate. What does not: what is asked (the suites),
how Great Expectations is reached (`engine`) and when a gate runs (`orchestration.defs`).
Called through `expectations`; imports Great Expectations only once there is something to judge.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.gate_rules import load_gate_rules
from expectations.order_version_suite import SUBJECTS, order_versions_suite
from expectations.plan import Check, ColumnTypes, Severity, Suite
from expectations.policy import SourcePolicy, load_policy
from expectations.published_suites import published_suites
from expectations.results import (
    Connection,
    GateCheck,
    GateReport,
    ensure_gate_tables,
    forget_earlier_runs,
    forget_verdicts,
    write_failed_rows,
    write_results,
)
from expectations.source_suites import files_suite, stream_suite
from orchestration.core.contracts import SourceContract, StreamContract
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse.connection import writer

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    from expectations.engine import Session

SOURCE_GATE = "source"
VALIDATION_GATE = "validation"
PUBLISHED_GATE = "published"


@dataclass(frozen=True, slots=True)
class _Run:
    """One gate in one run.

    Attributes:
        gate: Its name.
        run_no: Number of the run.
        policy: When warnings block.
        errors_block: Whether a check that cannot run stops the run; else what it should have
            judged is held by the models, each check being asked alone so that one error is one.
    """

    gate: str
    run_no: int
    policy: SourcePolicy
    errors_block: bool = True


def run_source_gate(
    warehouse: Settings | Connection,
    contracts: Mapping[str, SourceContract],
    run_no: int,
    after_load_seq: int,
    as_of: datetime,
) -> GateReport:
    """Judge the rows that deliveries after `after_load_seq` have brought, stream by stream.

    A stream without new rows is not judged; when none has any, nothing is imported and the report
    is empty. Safe to call again for the same rows: the last verdict replaces the earlier ones.

    Args:
        warehouse: The home's settings (its warehouse is then opened and closed here), or an open
            DuckDB connection, which stays open.
        contracts: By source.
        run_no: Number of the run that asks.
        after_load_seq: The last delivery of raw that an earlier run has judged; 0 judges all.
        as_of: The run's moment, aware UTC.

    Raises:
        ContractError: `seeds/rules/source_plausibility.yml` is not valid.
    """
    policy = load_policy(_seeds_of(warehouse))
    with _connection_to(warehouse) as connection:
        ensure_gate_tables(connection)
        suites = _source_suites(connection, contracts, policy, after_load_seq, as_of)
        return _judge(connection, _Run(SOURCE_GATE, run_no, policy), suites, after_load_seq)


def run_validation_gate(warehouse: Settings | Connection, run_no: int) -> GateReport:
    """Judge the order versions that are about to go downstream, one check a gate.

    A failing row or a check that cannot run never stops the run: the models behind the gate hold
    the orders concerned. Each run judges every order, so verdicts of earlier runs are forgotten.

    Args:
        warehouse: As for `run_source_gate`; has `gates.int_gate_subjects`.
        run_no: Number of the run that asks.

    Raises:
        ContractError: `seeds/rules/gates.csv` or a file beside it is not valid.
    """
    seeds = _seeds_of(warehouse)
    rules, policy = load_gate_rules(seeds), load_policy(seeds)
    with _connection_to(warehouse) as connection:
        ensure_gate_tables(connection)
        forget_earlier_runs(connection, VALIDATION_GATE, run_no)
        row = connection.execute(f"select count(*) from {SUBJECTS}").fetchone()
        suites = (order_versions_suite(rules, int(row[0])),) if row[0] else ()
        run = _Run(VALIDATION_GATE, run_no, policy, errors_block=False)
        return _judge(connection, run, suites, None)


def run_published_gate(
    warehouse: Settings | Connection, run_no: int, *, synthetic_blocks: bool = False
) -> GateReport:
    """Judge the marts of schema `marts` against what readers were promised.

    Args:
        warehouse: As for `run_source_gate`.
        run_no: Number of the run that asks.
        synthetic_blocks: Whether a synthetic order that came out otherwise is a refusal.
    """
    policy = load_policy(_seeds_of(warehouse))
    with _connection_to(warehouse) as connection:
        ensure_gate_tables(connection)
        suites = published_suites(connection, synthetic_blocks=synthetic_blocks)
        return _judge(connection, _Run(PUBLISHED_GATE, run_no, policy), suites, None)


@contextmanager
def _connection_to(warehouse: Settings | Connection) -> Iterator[Connection]:
    if not isinstance(warehouse, Settings):
        yield warehouse
        return
    with writer(warehouse) as opened:
        yield opened


def _seeds_of(warehouse: Settings | Connection) -> Path:
    return warehouse.seeds if isinstance(warehouse, Settings) else PROJECT_ROOT / "seeds"


def _source_suites(
    connection: Connection,
    contracts: Mapping[str, SourceContract],
    policy: SourcePolicy,
    after_load_seq: int,
    as_of: datetime,
) -> tuple[Suite, ...]:
    streams = [
        contracts[source].streams[stream]
        for source in sorted(contracts)
        for stream in sorted(contracts[source].streams)
    ]
    new_rows = _count_new_rows(connection, streams, after_load_seq)
    suites = [
        stream_suite(
            stream,
            policy,
            after_load_seq=after_load_seq,
            as_of=as_of,
            row_count=new_rows[stream.table],
        )
        for stream in streams
        if new_rows.get(stream.table)
    ]
    deliveries = _count_new_deliveries(connection, after_load_seq) if suites else 0
    if deliveries:
        suites.append(files_suite(policy, after_load_seq=after_load_seq, row_count=deliveries))
    return tuple(suites)


def _count_new_rows(
    connection: Connection, streams: list[StreamContract], after_load_seq: int
) -> dict[str, int]:
    """Return the judged rows of each stream's table in one query; a missing table has none."""
    known = _tables(connection, "raw")
    counts = [
        f"select '{stream.table}', count(*) from raw.{stream.table}"
        f" where _load_seq > {int(after_load_seq)} and not coalesce(_is_deleted, false)"
        for stream in streams
        if stream.table in known
    ]
    return dict(connection.execute(" union all ".join(counts)).fetchall()) if counts else {}


def _count_new_deliveries(connection: Connection, after_load_seq: int) -> int:
    if "files" not in _tables(connection, "raw"):
        return 0
    row = connection.execute(
        "select count(*) from raw.files where load_seq > ? and status = 'loaded'", [after_load_seq]
    ).fetchone()
    return int(row[0])


def _tables(connection: Connection, schema: str) -> frozenset[str]:
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = ?", [schema]
    ).fetchall()
    return frozenset(row[0] for row in rows)


def _judge(
    connection: Connection, run: _Run, suites: tuple[Suite, ...], after_load_seq: int | None
) -> GateReport:
    if not suites:
        forget_verdicts(connection, run.gate, run.run_no, after_load_seq)
        return GateReport(run.gate)
    from expectations.engine import open_session  # takes seconds

    # One more connection to the same database: its temporary views vanish with it.
    with closing(connection.cursor()) as own, open_session(own) as session:
        own.execute("set TimeZone = 'UTC'")
        judged = [
            (suite, *each)
            for suite in suites
            for each in _judge_suite(session, own, suite, alone=not run.errors_block)
        ]
        # Only now: Great Expectations ends any open transaction when it looks at columns.
        own.execute("begin")
        forget_verdicts(own, run.gate, run.run_no, after_load_seq)
        checks = tuple(
            _answer_of(own, run, suite, check, result) for suite, check, result in judged
        )
        write_results(own, run.gate, run.run_no, checks)
        own.execute("commit")
    return GateReport(run.gate, checks)


def _judge_suite(
    session: "Session", connection: Connection, suite: Suite, *, alone: bool
) -> tuple[tuple[Check, "ExpectationValidationResult"], ...]:
    """Return each check with its result.

    Args:
        session: Over the connection.
        connection: Sees the judged rows.
        suite: What is asked.
        alone: Ask each check by itself when one cannot run: checks that share a query share its
            error too.
    """
    from expectations.gx_checks import to_gx_suite, verdicts  # takes seconds

    def ask(part: Suite) -> tuple[tuple[Check, "ExpectationValidationResult"], ...]:
        answer = session.validate(suite.batch_name, to_gx_suite(part), suite.names.columns)
        return verdicts(part, answer.results)

    connection.execute(f"create or replace temp view {suite.batch_name} as {suite.rows_sql}")
    answers = ask(suite)
    if alone and any(_error_of(result) is not None for _, result in answers):
        answers = tuple(
            each for check in suite.checks for each in ask(replace(suite, checks=(check,)))
        )
    return answers


def _answer_of(
    connection: Connection,
    run: _Run,
    suite: Suite,
    check: Check,
    result: "ExpectationValidationResult",
) -> GateCheck:
    """Return the answer to one check, after its failing rows were written."""
    error = _error_of(result)
    details: dict[str, Any] = {"reason": check.reason}
    severity, judged, failing = check.severity, suite.row_count, 0
    if error is not None:
        # A check that could not run holds everything behind it: the run, or the orders.
        details["error"] = error
        severity = Severity.CRITICAL if run.errors_block else check.severity
    elif isinstance(check, ColumnTypes):
        wrong = result.result["observed_value"]
        judged, failing = len(check.types), len(wrong)
        if wrong:
            details["columns"] = wrong
    elif not result.success:
        failing = int(result.result["unexpected_count"])
        if check.blocks_when_systemic and run.policy.systemic.holds(failing=failing, judged=judged):
            severity, details["systemic"] = Severity.CRITICAL, True
        failing = write_failed_rows(
            connection,
            (run.run_no, run.gate),
            suite,
            check,
            severity.value,
            result.result["unexpected_index_query"],
        )
    return GateCheck(
        suite=suite.name,
        expectation=check.name,
        severity=severity.value,
        success=bool(result.success) and error is None,
        evaluated_count=judged,
        unexpected_count=failing,
        details=details,
        columns=check.columns,
        batch=suite.rows_label,
    )


def _error_of(result: "ExpectationValidationResult") -> str | None:
    """Return why a check could not run; None when it ran."""
    info = result.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    messages = [
        str(entry.get("exception_message"))
        for entry in entries
        if isinstance(entry, Mapping) and entry.get("raised_exception")
    ]
    return "; ".join(dict.fromkeys(messages)) or None
