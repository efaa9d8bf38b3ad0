"""The tables of schema `raw`: one a stream, and the books of the loader.

What belongs here: their DDL and keeping it in step with the contracts. What does not: filling them.
The loader imports this.
"""

from collections.abc import Iterable, Mapping

import duckdb

from orchestration.core.contracts import RAW_TYPES, ColumnType, SourceContract, StreamContract
from orchestration.core.errors import ReconError
from orchestration.warehouse.connection import quoted

PROVENANCE: Mapping[str, str] = {
    "_file_id": "varchar",
    "_line": "bigint",
    "_key_hash": "uhugeint",
    "_row_hash": "uhugeint",
    "_row_version": "bigint",
    "_observed_at": "timestamp",
    "_load_seq": "bigint",
    "_business_on": "date",
    "_is_deleted": "boolean",
    "_extra": "varchar",
}

_BOOKS: Mapping[str, Mapping[str, str]] = {
    "files": {
        "load_seq": "bigint",
        "file_id": "varchar",
        "source": "varchar",
        "stream": "varchar",
        "file_name": "varchar",
        "size_bytes": "bigint",
        "modified_ns": "bigint",
        "status": "varchar",
        "fault_id": "varchar",
        "reason": "varchar",
        "rows_read": "bigint",
        "rows_loaded": "bigint",
        "rows_duplicate": "bigint",
        "rows_rejected": "bigint",
        "contract_version": "bigint",
        "contract_hash": "varchar",
        "new_columns": "varchar",
        "declared_rows": "bigint",
        "observed_at": "timestamp",
        "business_on": "date",
        "run_no": "bigint",
        "inode": "ubigint",
        "sequence_no": "bigint",
        "header": "varchar",
        "manifest_hash": "varchar",
    },
    "rejected_rows": {
        "load_seq": "bigint",
        "file_id": "varchar",
        "source": "varchar",
        "stream": "varchar",
        "file_name": "varchar",
        "line": "bigint",
        "column_name": "varchar",
        "fault_id": "varchar",
        "reason": "varchar",
        "value_text": "varchar",
        "row_text": "varchar",
        "amount": "decimal(18,4)",
        "currency_code": "varchar",
        "observed_at": "timestamp",
    },
    "duplicate_rows": {
        "load_seq": "bigint",
        "source": "varchar",
        "stream": "varchar",
        "currency_code": "varchar",
        "row_count": "bigint",
        "amount": "decimal(38,4)",
    },
    "schema_changes": {
        "source": "varchar",
        "stream": "varchar",
        "column_name": "varchar",
        "change": "varchar",
        "first_seen_at": "timestamp",
        "window_ends_on": "date",
        "load_seq": "bigint",
        "status": "varchar",
    },
    # Events as they are, and what a ticket's event decides, so that SQL need not read JSON. Filled
    # by `orchestration.warehouse.ledger_import`.
    "ledger_events": {
        "seq": "bigint",
        "occurred_at": "timestamp",
        "actor_id": "varchar",
        "actor_role": "varchar",
        "principal_id": "varchar",
        "action": "varchar",
        "subject_type": "varchar",
        "subject_id": "varchar",
        "recon_key": "varchar",
        "reason": "varchar",
        "payload": "varchar",
        "prev_hash": "varchar",
        "hash": "varchar",
        "ticket_state_code": "varchar",
        "ticket_assignee_id": "varchar",
        "sets_assignee": "boolean",
        "observed_at": "timestamp",
    },
    "accounting": {
        "load_seq": "bigint",
        "source": "varchar",
        "stream": "varchar",
        "currency_code": "varchar",
        "row_count": "bigint",
        "amount": "decimal(38,4)",
    },
}

FILE_COLUMNS = tuple(_BOOKS["files"])


def raw_columns(stream: StreamContract) -> dict[str, str]:
    """Return the columns of a stream's raw table with their types, in order."""
    declared = {name: RAW_TYPES[column.type] for name, column in stream.columns.items()}
    return {**declared, **PROVENANCE}


def column_order(connection: duckdb.DuckDBPyConnection, stream: StreamContract) -> tuple[str, ...]:
    """Return the contract's columns in the order of the raw table, later additions last."""
    rows = connection.execute(
        f"select name from pragma_table_info('raw.{stream.table}') order by cid"
    ).fetchall()
    return tuple(row[0] for row in rows if row[0] in stream.columns)


def ensure_raw_tables(
    connection: duckdb.DuckDBPyConnection, contracts: Iterable[SourceContract]
) -> None:
    """Create what is missing: the books, a table for every stream, a column for every addition.

    Raises:
        ReconError: A contract changes the type of a column that already holds data.
    """
    present = _present_columns(connection)
    statements = [_create(name, columns) for name, columns in _BOOKS.items() if name not in present]
    for contract in contracts:
        for stream in contract.streams.values():
            statements += _stream_statements(stream, present.get(stream.table))
    if statements:
        connection.execute("begin")
        for statement in statements:
            connection.execute(statement)
        connection.execute("commit")


def _present_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        "select table_name, column_name, lower(data_type) from duckdb_columns() "
        "where schema_name = 'raw' and not internal"
    ).fetchall()
    present: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        present.setdefault(table, {})[column] = data_type
    return present


def _create(table: str, columns: Mapping[str, str], how: Mapping[str, str] | None = None) -> str:
    body = ", ".join(
        f"{quoted(name)} {data_type}{(how or {}).get(name, '')}"
        for name, data_type in columns.items()
    )
    return f"create table raw.{quoted(table)} ({body})"


def _compressed(stream: StreamContract) -> dict[str, str]:
    """Name the compression that ids end up with anyway: trying them all costs half the writing."""
    return {
        name: " using compression fsst"
        for name, column in stream.columns.items()
        if column.type is ColumnType.ID and column.default is None
    }


def _stream_statements(stream: StreamContract, present: dict[str, str] | None) -> list[str]:
    wanted = raw_columns(stream)
    if present is None:
        return [_create(stream.table, wanted, _compressed(stream))]
    for name, data_type in wanted.items():
        stored = present.get(name, data_type)
        if stored != data_type:
            msg = (
                f"seeds/sources/{stream.source}.yml: column {name} of stream {stream.name} is now "
                f"{data_type}, but raw.{stream.table} holds it as {stored}; give the new meaning "
                "a new column name, or rebuild the warehouse from its files in a fresh home"
            )
            raise ReconError(msg)
    return [
        f"alter table raw.{quoted(stream.table)} add column {quoted(name)} {data_type}"
        for name, data_type in wanted.items()
        if name not in present
    ]
