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
from orchestration.warehouse.loader_staging import STAGE, Direct, Staged, cells, time_limit
from orchestration.warehouse.loader_unpack import unpacked_copy

_MIB = 1 << 20
_DAMAGED = "not a sound parquet file, perhaps cut off; deliver it again"


class ParquetReader:
    """One parquet file, staged as text."""

    separator = "."
    delimiter = ","

    def __init__(self, header: tuple[str, ...], rows: int) -> None:
        """Keep what was staged."""
        self.header = header
        self._rows = rows

    def direct(self) -> Direct | None:
        """Return None: the values are staged as text already."""
        return None

    def stage(self, direct: Direct | None) -> Staged:
        """Return what is staged already."""
        del direct
        return Staged("(stage.rowid + 1)", self._rows, 0, clean=False)

    def close(self) -> None:
        """Do nothing: the unpacked copy is gone already."""


def open_parquet(
    connection: duckdb.DuckDBPyConnection,
    archived: Archived,
    stream: StreamContract,
    settings: Settings,
) -> ParquetReader:
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
) -> ParquetReader:
    file = file_literal(path)
    _refuse_large(connection, file, stream, settings)
    names = _names(connection, file)
    if len(names) > stream.format.max_columns:
        reason = f"{len(names)} columns, more than {stream.format.max_columns} (max_columns)"
        raise Refused("A15", f"{reason}; deliver only what is needed")
    types = [row[1] for row in connection.execute(f"describe from read_parquet({file})").fetchall()]
    if len(types) != len(names):
        raise Refused("A10", "the columns of the parquet file cannot be told apart; rename them")
    _refuse_types(dict(zip(names, types, strict=True)), stream)
    internal = cells(len(names))
    _refuse_wide(connection, file, internal, types, settings)
    listed = ", ".join(
        f"{_text_sql(f'delivered.{cell}', kind)} as {cell}"
        for cell, kind in zip(internal, types, strict=True)
    )
    connection.execute(
        f"create or replace temp table stage as select {listed} "
        f"from read_parquet({file}) as delivered({', '.join(internal)})"
    )
    row = connection.execute(f"select count(*) from {STAGE}").fetchone()
    return ParquetReader(names, int(row[0]) if row else 0)


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


def _refuse_types(types: dict[str, str], stream: StreamContract) -> None:
    """Refuse contract columns that hold no value, or one that is not what was meant any more."""
    wrong = {
        name: types[column.header or name]
        for name, column in stream.columns.items()
        if _is_nested(types.get(column.header or name, ""))
        or types.get(column.header or name) in ("FLOAT", "DOUBLE", "BLOB")
    }
    if wrong:
        listed = ", ".join(f"{name} ({kind[:40]})" for name, kind in wrong.items())
        raise Refused(
            "A10",
            f"column(s) {listed} are floating point, bytes or nested, so what was meant is lost; "
            "write them as decimal, integer or text and deliver the file again",
            tuple((name, "retyped") for name in wrong),
        )


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


def _refuse_wide(
    connection: duckdb.DuckDBPyConnection,
    file: str,
    internal: tuple[str, ...],
    types: list[str],
    settings: Settings,
) -> None:
    """Refuse a file whose texts are large though it is small: one text named by many rows.

    The texts are only measured here, one batch after the other; nothing is kept.
    """
    texts = [
        cell
        for cell, kind in zip(internal, types, strict=True)
        if kind in ("VARCHAR", "BLOB") or _is_nested(kind)
    ]
    if not texts:
        return
    sizes = " + ".join(
        f"coalesce(sum(cast(strlen(cast({cell} as varchar)) as bigint)), 0)" for cell in texts
    )
    row = connection.execute(
        f"select {sizes} from read_parquet({file}) as delivered({', '.join(internal)})"
    ).fetchone()
    if row is not None and row[0] > settings.max_expanded_mb * _MIB:
        reason = f"its texts take {row[0]} bytes, more than {settings.max_expanded_mb} MiB"
        raise Refused("A14", f"{reason} (max_expanded_mb); deliver it in parts")


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
    if _is_nested(kind):
        return f"cast(to_json({value}) as varchar)"
    return f"cast({value} as varchar)"
