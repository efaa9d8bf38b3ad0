"""What a gate found: its report, and the tables `gates.*` that keep it.

What belongs here: the shapes of the answers, the tables, and writing them completely at any size.
What does not: Great Expectations (this module is imported by those who only read).
Anyone but `orchestration.core` and `orchestration.warehouse` may import this.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from expectations.plan import Check as PlannedCheck
from expectations.plan import ColumnTypes, Severity, Suite

_CREATE = (
    "create schema if not exists gates",
    """
    create table if not exists gates.validation_results (
        run_no bigint not null,
        gate varchar not null,
        suite varchar not null,
        batch varchar not null,
        expectation varchar not null,
        column_names varchar,
        severity varchar not null,
        success boolean not null,
        evaluated_count bigint not null,
        unexpected_count bigint not null,
        details json
    )
    """,
    """
    create table if not exists gates.failed_rows (
        run_no bigint not null,
        gate varchar not null,
        suite varchar not null,
        expectation varchar not null,
        severity varchar not null,
        source varchar,
        stream varchar,
        load_seq bigint,
        line bigint,
        native_key varchar,
        recon_key varchar,
        order_version_no bigint,
        expected_value varchar,
        actual_value varchar,
        reason varchar
    )
    """,
)


class Connection(Protocol):
    """The part of a DuckDB connection that is used here."""

    def execute(self, query: str, parameters: object = ..., /) -> Any:  # DuckDB's own
        """Run a statement."""
        ...

    def cursor(self) -> "Connection":
        """Return a second connection to the same database."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True, slots=True)
class GateCheck:
    """The answer to one check.

    Attributes:
        suite: `<source>.<stream>`, `order_versions` or `marts.<table>`.
        expectation: Name of the check in its suite.
        severity: `critical`, `warning` or `info`, after systemic failures were raised.
        success: Whether every judged row holds it.
        evaluated_count: Judged rows.
        unexpected_count: Failing rows, all of them in `gates.failed_rows`.
        details: `reason` in words, and what else helps to read the answer.
        columns: The judged columns.
        batch: Which rows were judged, in words.
    """

    suite: str
    expectation: str
    severity: str
    success: bool
    evaluated_count: int
    unexpected_count: int
    details: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    batch: str = ""

    @property
    def is_blocking_failure(self) -> bool:
        """Whether this answer stops the run."""
        return not self.success and self.severity == Severity.CRITICAL

    def sentence(self) -> str:
        """Return what failed, where, how often and what to do, in one sentence for people."""
        share = f"{self.unexpected_count:,} of {self.evaluated_count:,}"
        why = self.details.get("error") or self.details["reason"]
        return f"{self.suite}: {self.expectation} fails for {share}: {why}"


@dataclass(frozen=True, slots=True)
class GateReport:
    """The answers of one gate in one run.

    Attributes:
        gate: `source`, `validation` or `published`.
        checks: In the order of suites and checks; empty when there was nothing to judge.
    """

    gate: str
    checks: tuple[GateCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing blocks; warnings do not."""
        return not self.blocking_failures

    @property
    def blocking_failures(self) -> tuple[GateCheck, ...]:
        """The critical checks that failed."""
        return tuple(check for check in self.checks if check.is_blocking_failure)

    @property
    def warnings(self) -> tuple[GateCheck, ...]:
        """The failed checks that do not block."""
        return tuple(
            check for check in self.checks if not check.success and not check.is_blocking_failure
        )

    def message(self) -> str:
        """Return every blocking failure in words, one a line; empty when the gate passed."""
        return "\n".join(check.sentence() for check in self.blocking_failures)


def ensure_gate_tables(connection: Connection) -> None:
    """Create `gates.validation_results` and `gates.failed_rows` unless they are there."""
    for statement in _CREATE:
        connection.execute(statement)


def forget_verdicts(
    connection: Connection, gate: str, run_no: int, after_load_seq: int | None
) -> None:
    """Delete what an interrupted or earlier run said about the rows that are judged now.

    So each row has one verdict per check, whichever run gave it, and a gate may run twice.
    """
    own = [gate, run_no]
    connection.execute("delete from gates.validation_results where gate = ? and run_no = ?", own)
    connection.execute("delete from gates.failed_rows where gate = ? and run_no = ?", own)
    if after_load_seq is not None:
        connection.execute(
            "delete from gates.failed_rows where gate = ? and load_seq > ?", [gate, after_load_seq]
        )


def forget_earlier_runs(connection: Connection, gate: str, run_no: int) -> None:
    """Delete the failing rows of earlier runs of a gate that judges everything in every run."""
    connection.execute(
        "delete from gates.failed_rows where gate = ? and run_no <> ?", [gate, run_no]
    )


def write_failed_rows(
    connection: Connection,
    run: tuple[int, str],
    suite: Suite,
    check: PlannedCheck,
    severity: str,
    query: str,
) -> int:
    """Insert every failing row of one check and return how many there are.

    Args:
        connection: The one that sees the batch of the suite.
        run: Run number and gate.
        suite: Says how a row is named.
        check: Says what was expected.
        severity: After systemic failures were raised.
        query: `unexpected_index_query` of the result: selects the failing rows, all of them.
    """
    if isinstance(check, ColumnTypes):
        return 0
    names = suite.names
    run_no, gate = run
    connection.execute(
        f"""
        insert into gates.failed_rows
        select
            ?, ?, ?, ?, ?, {names.source}, {names.stream}, {names.load_seq}, {names.line},
            {names.native_key}, {names.recon_key}, {names.order_version_no},
            {check.expected_sql}, {check.actual_sql}, ?
        from ({query.strip().rstrip(";")}) as failing
        """,
        [run_no, gate, suite.name, check.name, severity, check.reason],
    )
    found = connection.execute(
        "select count(*) from gates.failed_rows"
        " where run_no = ? and gate = ? and suite = ? and expectation = ?",
        [run_no, gate, suite.name, check.name],
    ).fetchone()
    return int(found[0])


def write_results(
    connection: Connection, gate: str, run_no: int, checks: tuple[GateCheck, ...]
) -> None:
    """Insert one row a check into `gates.validation_results`."""
    for check in checks:
        connection.execute(
            "insert into gates.validation_results values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                run_no,
                gate,
                check.suite,
                check.batch,
                check.expectation,
                ", ".join(check.columns),
                check.severity,
                check.success,
                check.evaluated_count,
                check.unexpected_count,
                json.dumps(check.details, sort_keys=True, default=str),
            ],
        )


def read_results(connection: Connection, run_no: int) -> tuple[GateReport, ...]:
    """Return the reports of one run as they were kept, gates in alphabetical order."""
    rows = connection.execute(
        """
        select
            gate, suite, expectation, severity, success, evaluated_count, unexpected_count,
            cast(details as varchar), column_names, batch
        from gates.validation_results
        where run_no = ?
        order by gate, suite, expectation
        """,
        [run_no],
    ).fetchall()
    gates = sorted({row[0] for row in rows})
    return tuple(
        GateReport(gate, tuple(_check_of(row) for row in rows if row[0] == gate)) for gate in gates
    )


def _check_of(row: tuple[Any, ...]) -> GateCheck:
    return GateCheck(
        suite=row[1],
        expectation=row[2],
        severity=row[3],
        success=row[4],
        evaluated_count=row[5],
        unexpected_count=row[6],
        details=json.loads(row[7]),
        columns=tuple(row[8].split(", ")) if row[8] else (),
        batch=row[9],
    )
