"""Fingerprints of the public tables: the proof that two runs over the same input say the same.

What belongs here: counting and hashing the tables of schema `marts`, and the history of the
results. What does not: comparing two runs for a person, and the ledger event that carries the
digest. `orchestration.runner` may import this.

A fingerprint is the MD5 of the row count, the XOR and the sum of one hash per row, so the order of
the rows does not matter and a row that is there twice does. Between two values of a row stands a
character that no loaded value can hold, so that no two different rows make the same text.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from duckdb import DuckDBPyConnection

# Kept apart from the proof: when a fact became known, and how often a gate was asked, differ
# between a rebuild and the runs that went before it, although all say the same about the business.
HISTORY_TABLES = frozenset(
    {
        "run_fingerprints",
        "fct_state_changes",
        "fct_audit_events",
        "fct_gate_checks",
        "fct_resolutions",
        "ledger_heads",
    }
)
# Who has an exception and how its ticket stands is the ledger's to prove, not a matter of what the
# sources say.
RUN_COLUMNS = frozenset(
    {"run_no", "run_id", "assignee_id", "ticket_state_code", "ticket_severity_code"}
)
RUN_COLUMN_PREFIX = "known_"
# What depends on when an exception was seen to end: a recurrence keeps its first due time.
COLUMNS_OF_RECURRENCE = frozenset(
    {"reopen_count", "resolved_count", "mttr_hours", "artifact_version"}
)
SHOWN_OF_RECURRENCE = frozenset(
    {
        ("fct_exceptions", "due_at"),
        ("fct_exceptions", "status_code"),
        ("finance_exception_queue", "due_at"),
        ("operations_fulfilment_queue", "due_at"),
    }
)
# Rows that tell of nothing but ends that were seen.
ROWS_OF_BUSINESS = {
    "fct_daily_metrics": "measured_count > 0",
    "fct_artifacts": "status_code <> 'superseded'",
}

CREATE_HISTORY = """
    create table if not exists ops.run_fingerprints (
        run_id varchar not null,
        run_no bigint not null,
        as_of timestamp not null,
        table_name varchar not null,
        row_count bigint not null,
        fingerprint varchar not null
    )
"""
LIST_COLUMNS = """
    select tables.table_name, columns.column_name
    from information_schema.tables
    inner join information_schema.columns
        on columns.table_catalog = tables.table_catalog
        and columns.table_schema = tables.table_schema
        and columns.table_name = tables.table_name
    where tables.table_catalog = current_database()
        and tables.table_schema = 'marts'
        and tables.table_type = 'BASE TABLE'
    order by tables.table_name, columns.column_name
"""
# Runs that never published have nothing to be compared with.
COPY_TO_MARTS = """
    create or replace table marts.run_fingerprints as
    select
        run_fingerprints.run_id,
        run_fingerprints.run_no,
        run_fingerprints.as_of,
        run_fingerprints.table_name,
        run_fingerprints.row_count,
        run_fingerprints.fingerprint
    from ops.run_fingerprints
    where run_fingerprints.run_no = ?
        or run_fingerprints.run_no in (
            select runs.run_no from ops.runs where runs.status = 'published'
        )
    order by run_fingerprints.run_no, run_fingerprints.table_name
"""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What one table held at the end of one run.

    Attributes:
        table_name: Table of schema `marts`.
        row_count: Rows in it.
        fingerprint: 32 hexadecimal digits over its business columns.
    """

    table_name: str
    row_count: int
    fingerprint: str


def record_fingerprints(
    connection: DuckDBPyConnection, *, run_no: int, as_of: datetime
) -> tuple[Fingerprint, ...]:
    """Hash every public table, keep the result, and copy the history into `marts.run_fingerprints`.

    Safe to call twice for the same run: the second result replaces the first.

    Args:
        connection: A writer of the warehouse.
        run_no: The run whose marts these are.
        as_of: The moment of that run, aware UTC.

    Returns:
        One fingerprint for each table, ordered by name.
    """
    found = compute_fingerprints(connection)
    moment = as_of.astimezone(UTC).replace(tzinfo=None)
    connection.execute("begin transaction")
    try:
        connection.execute(CREATE_HISTORY)
        connection.execute("delete from ops.run_fingerprints where run_no = ?", [run_no])
        if found:
            connection.executemany(
                "insert into ops.run_fingerprints values (?, ?, ?, ?, ?, ?)",
                [
                    (
                        f"run_{run_no}",
                        run_no,
                        moment,
                        one.table_name,
                        one.row_count,
                        one.fingerprint,
                    )
                    for one in found
                ],
            )
        connection.execute(COPY_TO_MARTS, [run_no])
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return found


def compute_fingerprints(connection: DuckDBPyConnection) -> tuple[Fingerprint, ...]:
    """Hash every public table as it stands; changes nothing."""
    columns: dict[str, list[str]] = {}
    for table, column in connection.execute(LIST_COLUMNS).fetchall():
        if table not in HISTORY_TABLES and is_business_column(table, column):
            columns.setdefault(table, []).append(column)
    return tuple(_fingerprint(connection, table, columns[table]) for table in sorted(columns))


def is_business_column(table: str, column: str) -> bool:
    """Whether a column says something about the business, and not about the runs that saw it."""
    return (
        column not in RUN_COLUMNS
        and column not in COLUMNS_OF_RECURRENCE
        and (table, column) not in SHOWN_OF_RECURRENCE
        and not column.startswith(RUN_COLUMN_PREFIX)
    )


def _fingerprint(connection: DuckDBPyConnection, table: str, columns: list[str]) -> Fingerprint:
    """One table; its columns come from the catalog, so they are quoted, never trusted."""
    values = ", ".join(
        f"coalesce(cast({_quoted(column)} as varchar), chr(30))" for column in columns
    )
    row = connection.execute(
        "select count(*), coalesce(bit_xor(row_hash), 0), "
        "coalesce(sum(cast(row_hash & 18446744073709551615 as hugeint)), 0) "
        f"from (select md5_number(concat_ws(chr(31), {values})) as row_hash "
        f"from marts.{_quoted(table)} where {ROWS_OF_BUSINESS.get(table, 'true')})"
    ).fetchone()
    row_count, xor, total = row if row is not None else (0, 0, 0)
    digest = hashlib.md5(f"{row_count}|{xor}|{total}".encode(), usedforsecurity=False)
    return Fingerprint(table, int(row_count), digest.hexdigest())


def _quoted(identifier: str) -> str:
    """An identifier as SQL spells it."""
    return '"' + identifier.replace('"', '""') + '"'
