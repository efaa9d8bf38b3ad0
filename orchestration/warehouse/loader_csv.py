"""Reading csv and tsv into the stage: fast when the file is sound, exact when it is not.

What belongs here: the header, the options for DuckDB's reader and the proof that it read every
line as one row. What does not: meaning of cells; the exact reading of unsound files
(`loader_sieve`). The loader imports this.

The fast way lets DuckDB split the whole file at once and then proves it: as many rows as lines, as
many delimiters as cells need, no line end but one kind. Whatever fails the proof, or DuckDB itself
refuses, is read line by line by the sieve, which knows the line and the text of each bad row.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import duckdb

from orchestration.core.contracts import FileFormat
from orchestration.settings import Settings
from orchestration.warehouse.connection import file_literal, literal
from orchestration.warehouse.loader_archive import Archived
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_sieve import Dialect, Sieve, read_record
from orchestration.warehouse.loader_staging import Direct, Staged, cells, time_limit
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


class CsvReader:
    """One opened delimited file."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: Path,
        dialect: Dialect,
        facts: TextFacts,
        header: _Header,
        file_format: FileFormat,
        settings: Settings,
        *,
        ours: bool,
    ) -> None:
        """Keep what `open_csv` found out."""
        self._connection = connection
        self._path = path
        self._dialect = dialect
        self._facts = facts
        self._header = header
        self._settings = settings
        self._ours = ours
        self.header = header.names
        self.separator = file_format.decimal_separator
        self.delimiter = dialect.delimiter.decode()

    def direct(self) -> Direct | None:
        """Return how DuckDB may read the file, if its lines look sound."""
        facts, header = self._facts, self._header
        one_kind_of_line_end = facts.returns == facts.pairs and facts.pairs in (0, facts.newlines)
        one_column = len(header.names) == 1  # an empty line would pass for a row
        if not one_kind_of_line_end or facts.odd_quotes or one_column:
            return None
        rows = facts.line_count - header.lines
        surplus = facts.delimiters - header.delimiters - rows * (len(header.names) - 1)
        if surplus < 0 or (surplus and not facts.quotes):
            return None
        return Direct(
            relation=_relation(self._path, self._dialect, header),
            first_line=header.lines + 1,
            rows=rows,
            inner_delimiters=surplus,
            clean=facts.controls == 0 and not (surplus and self.delimiter == "\t"),
        )

    def stage(self, direct: Direct | None) -> Staged:
        """Stage the file as a direct reading has proved to find it, or line by line."""
        if direct is None:
            sieve = Sieve(self._connection, self._dialect, len(self.header), self._settings)
            rows, rejects = sieve.stage(self._path, self._header.lines)
            return Staged("stage.line", rows, rejects, clean=False)
        with time_limit(self._connection, self._settings.parse_timeout_seconds):
            self._connection.execute(
                f"create or replace temp table stage as select * from {direct.relation}"
            )
        return Staged(f"(stage.rowid + {direct.first_line})", direct.rows, 0, direct.clean)

    def close(self) -> None:
        """Remove the unpacked copy."""
        if self._ours:
            self._path.unlink(missing_ok=True)


def open_csv(
    connection: duckdb.DuckDBPyConnection,
    archived: Archived,
    file_format: FileFormat,
    settings: Settings,
    *,
    vouched: bool,
) -> CsvReader:
    """Open a delimited file: unpack it, count its lines, read its header.

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
        _refuse_unusable(facts, header, file_format)
        if not (facts.ends_with_newline or vouched):
            _refuse_cut_off(path, dialect, facts, header, file_format)
    except BaseException:
        if ours:
            path.unlink(missing_ok=True)
        raise
    return CsvReader(connection, path, dialect, facts, header, file_format, settings, ours=ours)


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
    if record is not None and b"\0" in record.text:
        raise Refused(
            "A16",
            "the header holds NUL bytes, so the text is not in the contract's encoding (UTF-16, "
            "perhaps); resend it as UTF-8 or name its encoding in the contract",
        )
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


def _refuse_unusable(facts: TextFacts, header: _Header, file_format: FileFormat) -> None:
    if facts.newlines == 0 and facts.returns > 0:
        raise Refused("A16", "lines end in bare carriage returns; end them in line feeds")
    if facts.line_count - header.lines > file_format.max_rows:
        raise Refused(
            "A15",
            f"{facts.line_count - header.lines} lines, more than the {file_format.max_rows} rows "
            "that the contract allows (max_rows); deliver it in parts",
        )


def _refuse_cut_off(
    path: Path, dialect: Dialect, facts: TextFacts, header: _Header, file_format: FileFormat
) -> None:
    """Judge a last line without line end by what the contract says of such files."""
    rule = file_format.final_newline
    if rule == "optional" or facts.line_count <= header.lines:
        return
    if rule == "complete_row":
        with path.open("rb") as source:
            source.seek(max(0, facts.size - dialect.max_line_bytes))
            last = read_record(BytesIO(source.read().rpartition(b"\n")[2]), dialect)
        if last is not None and last.problem is None and len(last.cells) >= len(header.names):
            return
    raise Refused(
        "A4",
        f"the last line ({facts.line_count}) has no line end"
        f"{' and lacks cells' if rule == 'complete_row' else ''}, so the file may be cut off; "
        "deliver it again, or set final_newline: optional in the contract",
    )


def _relation(path: Path, dialect: Dialect, header: _Header) -> str:
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
    return f"read_csv({file_literal(path)}, {listed})"
