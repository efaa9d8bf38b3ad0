"""What the SQL project reads of every stream alike: which streams there are, and all their rows.

What belongs here: `raw.streams` and the view `raw.source_rows`, built from the contracts.
What does not: the stream tables themselves (`loader_tables`). The loader and the run call this.
"""

from collections.abc import Iterable

import duckdb

from orchestration.core.contracts import SourceContract, StreamContract
from orchestration.warehouse.connection import literal, quoted


def ensure_row_views(
    connection: duckdb.DuckDBPyConnection, contracts: Iterable[SourceContract]
) -> None:
    """Write `raw.streams` and `raw.source_rows` afresh from the contracts; the stream tables exist.

    `raw.streams` has source, stream and entity. `raw.source_rows` has one row per stored row of any
    stream: source, stream, entity, tenant, currency_code ('' where the stream has no amount),
    control_amount DECIMAL(18,4), updated_at, and the provenance columns. Safe to call twice.
    """
    streams = [stream for contract in contracts for stream in contract.streams.values()]
    connection.execute("begin")
    connection.execute(
        "create or replace table raw.streams (source varchar, stream varchar, entity varchar)"
    )
    connection.executemany(
        "insert into raw.streams values (?, ?, ?)",
        [(stream.source, stream.name, stream.entity) for stream in streams],
    )
    body = " union all ".join(_rows_of(stream) for stream in streams)
    connection.execute(f"create or replace view raw.source_rows as {body}")
    connection.execute("commit")


def _rows_of(stream: StreamContract) -> str:
    amount, currency = "cast(0 as decimal(18,4))", "''"
    if stream.amount is not None:
        amount = f"coalesce({quoted(stream.amount.column)}, 0)"
        if stream.amount.currency_column is not None:
            currency = f"coalesce({quoted(stream.amount.currency_column)}, '')"
        elif stream.amount.currency is not None:
            currency = literal(stream.amount.currency)
    tenant = "tenant" if "tenant" in stream.columns else "'main'"
    updated_at = quoted(stream.updated_at) if stream.updated_at else "cast(null as timestamp)"
    return (
        f"select {literal(stream.source)} as source, {literal(stream.name)} as stream, "
        f"{literal(stream.entity)} as entity, {tenant} as tenant, {currency} as currency_code, "
        f"{amount} as control_amount, {updated_at} as updated_at, "
        "_key_hash, _row_version, _load_seq, _line, _business_on, _is_deleted, _observed_at "
        f"from raw.{quoted(stream.table)}"
    )
