"""Reading parquet into the stage: typed values as the texts that a contract can judge.

What belongs here: the schema of a parquet file and how each of its types is written as text. What
does not: meaning of values. The loader imports this.

A parquet file brings types, but a contract judges texts; so every value is written out exactly and
read again like any other. Floating point is refused where the contract wants a value: what it
stood for is already lost.
"""

from pathlib import Path

import duckdb

from orchestration.core.contracts import StreamContract
from orchestration.settings import Settings
from orchestration.warehouse.connection import file_literal
from orchestration.warehouse.loader_archive import Archived
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_staging import STAGE, Staged, cells, create_rejects, time_limit
from orchestration.warehouse.loader_unpack import unpacked_copy

_MIB = 1 << 20
_DAMAGED = "not a sound parquet file, perhaps cut off; deliver it again"


def stage_parquet(
    connection: duckdb.DuckDBPyConnection,
    archived: Archived,
    stream: StreamContract,
    settings: Settings,
) -> Staged:
    """Stage a parquet file.

    Raises:
        Refused: The file cannot be used at all.
    """
    path, ours = unpacked_copy(archived, settings)
    try:
        with time_limit(connection, settings.parse_timeout_seconds):
            return _stage(connection, path, stream, settings)
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error as error:
        raise Refused("A4", f"{_DAMAGED} ({str(error).splitlines()[0][:200]})") from error
    finally:
        if ours:
            path.unlink(missing_ok=True)


def _stage(
    connection: duckdb.DuckDBPyConnection, path: Path, stream: StreamContract, settings: Settings
) -> Staged:
    file = file_literal(path)
    _refuse_large(connection, file, stream, settings)
    names = _names(connection, file)
    if len(names) > stream.format.max_columns:
        reason = f"{len(names)} columns, more than {stream.format.max_columns} (max_columns)"
        raise Refused("A15", f"{reason}; deliver only what is needed")
    types = [
        row[1] for row in connection.execute(f"describe from read_parquet({file})").fetchall()
    ]
    if len(types) != len(names):
        raise Refused("A10", "the columns of the parquet file cannot be told apart; rename them")
    _refuse_floats(dict(zip(names, types, strict=True)), stream)
    internal = cells(len(names))
    listed = ", ".join(
        f"{_text_sql(f'delivered.{cell}', kind)} as {cell}"
        for cell, kind in zip(internal, types, strict=True)
    )
    create_rejects(connection)
    connection.execute(
        f"create or replace temp table stage as select {listed} "
        f"from read_parquet({file}) as delivered({', '.join(internal)})"
    )
    row = connection.execute(f"select count(*) from {STAGE}").fetchone()
    return Staged(names, "(stage.rowid + 1)", int(row[0]) if row else 0, 0, ".", ",")


def _refuse_large(
    connection: duckdb.DuckDBPyConnection, file: str, stream: StreamContract, settings: Settings
) -> None:
    rows, unpacked = connection.execute(
        f"select (select sum(num_rows) from parquet_file_metadata({file})), "
        f"(select coalesce(sum(total_uncompressed_size), 0) from parquet_metadata({file}))"
    ).fetchone() or (0, 0)
    if rows > stream.format.max_rows:
        reason = f"{rows} rows, more than {stream.format.max_rows} (max_rows); deliver it in parts"
        raise Refused("A15", reason)
    if unpacked > settings.max_expanded_mb * _MIB:
        reason = f"unpacks to {unpacked} bytes, more than {settings.max_expanded_mb} MiB"
        raise Refused("A14", f"{reason} (max_expanded_mb); deliver it in parts")


def _names(connection: duckdb.DuckDBPyConnection, file: str) -> tuple[str, ...]:
    """Return the top-level column names as they are, doubles included."""
    rows = connection.execute(
        f"select name, coalesce(num_children, 0) from parquet_schema({file})"
    ).fetchall()
    names: list[str] = []
    at = 1
    while at < len(rows):
        names.append(rows[at][0].strip())
        open_children = rows[at][1]
        at += 1
        while open_children and at < len(rows):
            open_children += rows[at][1] - 1
            at += 1
    return tuple(names)


def _refuse_floats(types: dict[str, str], stream: StreamContract) -> None:
    floats = [
        name
        for name, column in stream.columns.items()
        if types.get(column.header or name) in ("FLOAT", "DOUBLE")
    ]
    if floats:
        raise Refused(
            "A10",
            f"column(s) {', '.join(floats)} are floating point, which does not keep what was "
            "meant; write them as decimal, integer or text and deliver the file again",
            tuple((name, "retyped") for name in floats),
        )


def _text_sql(value: str, kind: str) -> str:
    """Return the SQL that writes a value of a parquet type as exact text."""
    if kind == "VARCHAR":
        return f"nullif({value}, '')"
    if kind.startswith("DECIMAL"):
        text = f"cast({value} as varchar)"
        trimmed = f"rtrim(rtrim({text}, '0'), '.')"
        return f"case when contains({text}, '.') then {trimmed} else {text} end"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime(timezone('UTC', {value}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return f"cast(to_json({value}) as varchar)"
    return f"cast({value} as varchar)"
