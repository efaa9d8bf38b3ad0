"""Reading csv and tsv into the stage: fast when the file is sound, exact when it is not.

What belongs here: the header, the options for DuckDB's reader and the proof that it read every
line as one row. What does not: meaning of cells; the exact reading of unsound files
(`loader_sieve`). The loader imports this.

The fast way lets DuckDB split the whole file at once and then proves it: as many rows as lines, as
many delimiters as cells need, no line end but one kind. Whatever fails the proof, or DuckDB itself
refuses, is read line by line by the sieve, which knows the line and the text of each bad row.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.core.contracts import FileFormat
from orchestration.settings import Settings
from orchestration.warehouse.connection import file_literal, literal
from orchestration.warehouse.loader_archive import Archived
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_sieve import Dialect, Sieve, read_record
from orchestration.warehouse.loader_staging import STAGE, Staged, cells, create_rejects, time_limit
from orchestration.warehouse.loader_unpack import TextFacts, prepare_text

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a text file.

    Attributes:
        names: Its cells, blanks around them removed.
        lines: Physical lines up to and including it.
        delimiters: Delimiter bytes in those lines.
    """

    names: tuple[str, ...]
    lines: int
    delimiters: int


def stage_csv(
    connection: duckdb.DuckDBPyConnection,
    archived: Archived,
    file_format: FileFormat,
    settings: Settings,
    *,
    vouched: bool,
) -> Staged:
    """Stage a delimited file.

    Args:
        connection: The writer.
        archived: The file inside the home.
        file_format: From the contract.
        settings: Limits.
        vouched: A manifest has proved that the file is whole, so its end needs no proof.

    Raises:
        Refused: The file cannot be used at all.
    """
    delimiter = file_format.delimiter or ("\t" if archived.kind == "tsv" else ",")
    dialect = Dialect(
        delimiter.encode(),
        file_format.quote.encode() if file_format.quote else None,
        (file_format.escape or file_format.quote or '"').encode(),
        file_format.max_line_bytes,
    )
    path, facts, ours = prepare_text(archived, file_format, delimiter, settings)
    try:
        header = _read_header(path, dialect, file_format)
        _refuse_unusable(facts, header, file_format, vouched=vouched)
        create_rejects(connection)
        staged = _stage_fast(connection, path, dialect, facts, header, settings)
        if staged is None:
            staged = _stage_exact(connection, path, dialect, header, settings)
    finally:
        if ours:
            path.unlink(missing_ok=True)
    rows, rejects, line_sql = staged
    return Staged(
        header.names, line_sql, rows, rejects, file_format.decimal_separator, delimiter
    )


def _read_header(path: Path, dialect: Dialect, file_format: FileFormat) -> _Header:
    lines = delimiters = 0
    with path.open("rb") as source:
        if source.read(len(_BOM)) != _BOM:
            source.seek(0)
        for _ in range(file_format.skip_rows):
            skipped = source.readline(dialect.max_line_bytes + 1)
            if len(skipped) > dialect.max_line_bytes:
                raise Refused("A15", "a line before the header is too long (max_line_bytes)")
            lines += 1
            delimiters += skipped.count(dialect.delimiter)
        record = read_record(source, dialect)
    if record is None or not record.text.strip():
        raise Refused("A8", "the file has no header; deliver the header even when there is no row")
    if record.problem is not None:
        raise Refused("A10", f"the header cannot be read: {record.problem}")
    if len(record.cells) > file_format.max_columns:
        raise Refused(
            "A15",
            f"{len(record.cells)} columns, more than the {file_format.max_columns} that the "
            "contract allows (max_columns); deliver only what is needed",
        )
    try:
        names = tuple(cell.decode("utf-8").strip() for cell in record.cells)
    except UnicodeDecodeError as error:
        raise Refused("A16", "the header is not UTF-8; resend the file as UTF-8") from error
    return _Header(names, lines + record.lines, delimiters + record.text.count(dialect.delimiter))


def _refuse_unusable(
    facts: TextFacts, header: _Header, file_format: FileFormat, *, vouched: bool
) -> None:
    if facts.newlines == 0 and facts.returns > 0:
        raise Refused("A16", "lines end in bare carriage returns; end them in line feeds")
    if facts.line_count - header.lines > file_format.max_rows:
        raise Refused(
            "A15",
            f"{facts.line_count - header.lines} lines, more than the {file_format.max_rows} rows "
            "that the contract allows (max_rows); deliver it in parts",
        )
    closed = facts.ends_with_newline or file_format.final_newline == "optional" or vouched
    if not closed and facts.line_count > header.lines:
        raise Refused(
            "A4",
            f"the last line ({facts.line_count}) has no line end, so the file may be cut off; "
            "deliver it again, or set final_newline: optional in the contract",
        )


def _stage_fast(  # noqa: PLR0913 - the parts of one reading
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    dialect: Dialect,
    facts: TextFacts,
    header: _Header,
    settings: Settings,
) -> tuple[int, int, str] | None:
    """Let DuckDB read the file; None unless that is proved to be every line as one row."""
    one_kind_of_line_end = facts.returns == facts.pairs and facts.pairs in (0, facts.newlines)
    if not one_kind_of_line_end or facts.blank_lines or facts.odd_quotes or header.lines > 1000:
        return None
    try:
        with time_limit(connection, settings.parse_timeout_seconds):
            connection.execute(_read_sql(path, dialect, header))
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        return None
    rows = _scalar(connection, f"select count(*) from {STAGE}")
    if rows != facts.line_count - header.lines:
        return None
    surplus = facts.delimiters - header.delimiters - rows * (len(header.names) - 1)
    if surplus and surplus != _inner_delimiters(connection, dialect, header):
        return None
    return rows, 0, f"(stage.rowid + {header.lines + 1})"


def _read_sql(path: Path, dialect: Dialect, header: _Header) -> str:
    columns = ", ".join(f"'{cell}': 'varchar'" for cell in cells(len(header.names)))
    options = {
        "columns": f"{{{columns}}}",
        "header": "false",
        "skip": str(header.lines),
        "auto_detect": "false",
        "delim": literal(dialect.delimiter.decode()),
        "quote": literal(dialect.quote.decode() if dialect.quote else ""),
        "escape": literal(dialect.escape.decode() if dialect.quote else ""),
        "strict_mode": "true",
        "null_padding": "false",
        "ignore_errors": "false",
        "max_line_size": str(dialect.max_line_bytes),
        "compression": "'none'",
        "encoding": "'utf-8'",
    }
    listed = ", ".join(f"{name} = {value}" for name, value in options.items())
    return (
        "create or replace temp table stage as "
        f"select * from read_csv({file_literal(path)}, {listed})"
    )


def _inner_delimiters(
    connection: duckdb.DuckDBPyConnection, dialect: Dialect, header: _Header
) -> int:
    text = f"concat({', '.join(cells(len(header.names)))})"
    mark = literal(dialect.delimiter.decode())
    return _scalar(
        connection,
        f"select coalesce(sum(length({text}) - length(replace({text}, {mark}, ''))), 0) "
        f"from {STAGE}",
    )


def _stage_exact(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    dialect: Dialect,
    header: _Header,
    settings: Settings,
) -> tuple[int, int, str]:
    sieve = Sieve(connection, dialect, len(header.names), settings)
    rows, rejects = sieve.stage(path, header.lines)
    return rows, rejects, "stage.line"


def _scalar(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    return int(row[0])
