"""A warehouse with hand-made raw rows, for the tests of the gates."""

from collections.abc import Mapping
from pathlib import Path

from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import RAW_TYPES, ColumnContract, StreamContract
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse.connection import writer
from orchestration.warehouse.loader_tables import ensure_raw_tables, raw_columns

CONTRACTS = load_contracts(PROJECT_ROOT / "seeds")
GENERIC = CONTRACTS["generic"].streams

_TYPICAL = {
    "varchar": "'{name}-' || i",
    "date": "date '2026-01-01' + cast(i % 28 as integer)",
    "timestamp": "timestamp '2026-01-01 08:00:00' + to_seconds(i % 86400)",
    "boolean": "false",
    "bigint": "i",
}
_BY_NAME = {
    "currency": "'EUR'",
    "due_on": "date '2026-03-01'",
    "fee_amount": "1.50",
    "net_amount": "8.50",
    "gross_amount": "10",
    "total_amount": "8.50",
    "tax_amount": "0",
    "fee_tax_amount": "0",
    "commission_amount": "0",
    "withholding_amount": "0",
}


def home_settings(home: Path) -> Settings:
    """Settings of a home whose landing is not used."""
    return Settings(home=home, landing=home / "landing", memory_limit_mb=1024)


def make_warehouse(settings: Settings) -> None:
    """Create the raw tables of every contract, all empty."""
    with writer(settings) as connection:
        ensure_raw_tables(connection, CONTRACTS.values())


def insert_rows(
    connection,
    stream: StreamContract,
    count: int,
    *,
    load_seq: int = 1,
    values: Mapping[str, str] | None = None,
) -> None:
    """Insert plausible rows; `values` gives SQL over `i` (from 0) for single columns."""
    given = values or {}
    cells = [given.get(name, _typical(name, column)) for name, column in stream.columns.items()]
    provenance = {
        "_file_id": "repeat('f', 64)",
        "_line": "i + 2",
        "_key_hash": "hash(i)",
        "_row_hash": "hash(i)",
        "_row_version": "1",
        "_observed_at": "timestamp '2026-06-01 12:00:00'",
        "_load_seq": str(load_seq),
        "_business_on": "null",
        "_is_deleted": "false",
        "_extra": "null",
    }
    cells += [given.get(name, default) for name, default in provenance.items()]
    names = ", ".join(f'"{name}"' for name in raw_columns(stream))
    connection.execute(
        f"insert into raw.{stream.table} ({names})"
        f" select {', '.join(cells)} from range({count}) as rows(i)"
    )


def _typical(name: str, column: ColumnContract) -> str:
    if column.default is not None:
        return f"'{column.default}'"
    if column.allowed:
        return f"'{column.allowed[0]}'"
    if name in _BY_NAME:
        return _BY_NAME[name]
    return _TYPICAL.get(RAW_TYPES[column.type], "0.5").format(name=name)
