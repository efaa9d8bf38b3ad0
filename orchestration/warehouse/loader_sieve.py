"""Reading delimited text line by line: exact about lines, quotes and bad rows.

What belongs here: splitting one record into cells and telling what is wrong with it. What does
not: meaning of cells. `loader_csv` imports this, for headers and for files that are not sound.

A bad line costs that row only, as long as it is plain where the next row begins. Where a quote is
opened on one line and badly closed on another, that is not plain, and the file is refused whole:
guessing would make rows out of the inside of a text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import duckdb

from orchestration.settings import Settings
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_staging import Batcher

_SHOWN_OF_HUGE = 2000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are written; one byte each.

    Attributes:
        delimiter: Between cells.
        quote: Around a cell; None where the format has none.
        escape: Before a quote inside quotes.
        max_line_bytes: Longest record.
    """

    delimiter: bytes
    quote: bytes | None
    escape: bytes
    max_line_bytes: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record as read.

    Attributes:
        text: Its bytes without the line end.
        cells: Its cells, unquoted; empty when there is a problem.
        lines: Physical lines that it spans.
        problem: What is wrong with it, in words.
        fault_id: Of the problem.
    """

    text: bytes
    cells: tuple[bytes, ...]
    lines: int
    problem: str | None = None
    fault_id: str = "A9"


def read_record(source: BinaryIO, dialect: Dialect) -> Record | None:
    """Read the next record; None at the end of the file.

    Raises:
        Refused: A quote spans lines and is never closed, or closed badly.
    """
    raw = source.readline(dialect.max_line_bytes + 2)
    if not raw:
        return None
    if len(raw) > dialect.max_line_bytes and not raw.endswith(b"\n"):
        return _skip_huge(source, raw, dialect)
    text = _without_line_end(raw)
    if dialect.quote is None or dialect.quote not in text:
        if b"\r" in text:
            return Record(text, (), 1, "a bare carriage return inside a line", "A16")
        return Record(text, tuple(text.split(dialect.delimiter)), 1)
    return _read_quoted(source, raw, dialect)


def _without_line_end(raw: bytes) -> bytes:
    if raw.endswith(b"\r\n"):
        return raw[:-2]
    return raw.removesuffix(b"\n")


def _skip_huge(source: BinaryIO, raw: bytes, dialect: Dialect) -> Record:
    size = len(raw)
    while not raw.endswith(b"\n"):
        more = source.readline(dialect.max_line_bytes)
        if not more:
            break
        size += len(more)
        raw = raw[:_SHOWN_OF_HUGE] + more[-1:]
    problem = f"a row of {size} bytes, more than {dialect.max_line_bytes} (max_line_bytes)"
    return Record(raw[:_SHOWN_OF_HUGE], (), 1, problem, "A15")


def _read_quoted(source: BinaryIO, raw: bytes, dialect: Dialect) -> Record:
    splitter = _Splitter(dialect)
    lines = [raw]
    size = len(raw)
    splitter.feed(raw)
    while splitter.is_open:
        raw = source.readline(dialect.max_line_bytes + 2)
        if not raw:
            raise Refused("A4", _open_at_end(len(lines)))
        lines.append(raw)
        size += len(raw)
        if size > dialect.max_line_bytes:
            raise Refused("A9", _open_too_long(len(lines), dialect))
        splitter.feed(raw)
    if splitter.problem is not None and len(lines) > 1:
        raise Refused("A9", _badly_closed(len(lines), splitter.problem))
    text = _without_line_end(b"".join(lines))
    cells = () if splitter.problem else tuple(splitter.cells)
    return Record(text, cells, len(lines), splitter.problem, splitter.fault_id)


def _open_at_end(lines: int) -> str:
    return (
        f"a quote opened {lines} line(s) before the end of the file is never closed, so the file "
        "may be cut off or a quote is not doubled; correct it and deliver it again"
    )


def _open_too_long(lines: int, dialect: Dialect) -> str:
    return (
        f"a quote stays open over {lines} lines and more than {dialect.max_line_bytes} bytes, so "
        "it is unknown where rows begin; double the quote inside the text and deliver it again"
    )


def _badly_closed(lines: int, problem: str) -> str:
    return (
        f"a quoted text over {lines} lines is closed badly ({problem}), so it is unknown where "
        "rows begin; double the quotes inside texts and deliver it again"
    )


class _Splitter:
    """Splits one record into cells, line by line; each byte is looked at once."""

    def __init__(self, dialect: Dialect) -> None:
        self._quote = dialect.quote or b""
        self._delimiter = dialect.delimiter
        self._escape = dialect.escape
        self._pieces: list[bytes] | None = None
        self.cells: list[bytes] = []
        self.problem: str | None = None
        self.fault_id = "A9"

    @property
    def is_open(self) -> bool:
        """Whether the record goes on in the next line."""
        return self._pieces is not None and self.problem is None

    def feed(self, raw: bytes) -> None:
        """Take one physical line with its end."""
        text = _without_line_end(raw)
        at = 0
        if self._pieces is None and not text.startswith(self._quote):
            at = self._plain_cells(text, 0)
        while at <= len(text) and self.problem is None:
            if self._pieces is None:
                self._pieces = []
                at += 1
            end = self._quoted_cell(text, at)
            if end is None:
                self._pieces.append(raw[len(text) :])
                return
            self.cells.append(b"".join(self._pieces))
            self._pieces = None
            if end == len(text):
                return
            if not text.startswith(self._delimiter, end):
                self._fail("text follows a closing quote; double the quotes inside texts")
                return
            at = self._plain_cells(text, end + 1)

    def _plain_cells(self, text: bytes, at: int) -> int:
        """Take cells until one is quoted; return where it begins, or a place behind the text."""
        while not text.startswith(self._quote, at):
            end = text.find(self._delimiter, at)
            cell = text[at:] if end < 0 else text[at:end]
            if cell.lstrip(b" \t").startswith(self._quote):
                self._fail("a blank stands before an opening quote; remove it")
            elif b"\r" in cell:
                self._fail("a bare carriage return inside a line", "A16")
            self.cells.append(cell)
            if end < 0 or self.problem is not None:
                return len(text) + 1
            at = end + 1
        return at

    def _quoted_cell(self, text: bytes, begin: int) -> int | None:
        """Take a quoted cell's text up to its closing quote; None when the line ends first."""
        quote, escape = self._quote, self._escape
        pieces = self._pieces if self._pieces is not None else []
        while True:
            end = text.find(quote, begin)
            if escape == quote and end >= 0 and text.startswith(quote, end + 1):
                pieces.append(text[begin : end + 1])
                begin = end + 2
                continue
            stop = len(text) if end < 0 else end
            escaped = -1 if escape == quote else text.find(escape, begin, stop)
            if escaped >= 0:
                pieces += [text[begin:escaped], text[escaped + 1 : escaped + 2]]
                begin = min(escaped + 2, len(text))
                continue
            pieces.append(text[begin:stop])
            return None if end < 0 else end + 1

    def _fail(self, problem: str, fault_id: str = "A9") -> None:
        self.problem, self.fault_id = problem, fault_id


class Sieve:
    """Stages a delimited file record by record."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        dialect: Dialect,
        width: int,
        settings: Settings,
    ) -> None:
        """Prepare an empty stage for rows of `width` cells."""
        self._dialect = dialect
        self._width = width
        self._batcher = Batcher(connection, width, settings.parse_timeout_seconds)

    def stage(self, path: Path, header_lines: int) -> tuple[int, int]:
        """Stage every record behind the header; return (rows, rejects).

        Raises:
            Refused: Where a row begins cannot be known.
        """
        with path.open("rb", buffering=1 << 20) as source:
            for _ in range(header_lines):
                source.readline()
            for line, record in self._records(source, header_lines):
                self._take(line, record)
        self._batcher.flush()
        return self._batcher.row_count, self._batcher.reject_count

    def _records(self, source: BinaryIO, header_lines: int) -> Iterator[tuple[int, Record]]:
        line = header_lines + 1
        while (record := self._next(source, line)) is not None:
            if record.text:
                yield line, record
            line += record.lines

    def _next(self, source: BinaryIO, line: int) -> Record | None:
        try:
            return read_record(source, self._dialect)
        except Refused as refusal:
            raise Refused(refusal.fault_id, f"line {line}: {refusal.reason}") from None

    def _take(self, line: int, record: Record) -> None:
        try:
            values = [cell.decode() or None for cell in record.cells]
        except UnicodeDecodeError:
            values = []
            problem, fault_id = "not UTF-8 text; resend the row as UTF-8", "A16"
        else:
            problem, fault_id = record.problem or "", record.fault_id
            if not problem and len(values) != self._width:
                if record.lines > 1:
                    counted = f"{len(values)} cells instead of {self._width}"
                    reason = f"line {line}: {_badly_closed(record.lines, counted)}"
                    raise Refused("A9", reason)
                problem = (
                    f"{len(values)} cells where the header has {self._width}; quote texts that "
                    "contain the delimiter and resend the row"
                )
        if problem:
            text = record.text.decode("utf-8", "backslashreplace")
            self._batcher.reject(line, fault_id, problem, text)
        else:
            self._batcher.add(line, values, len(record.text))
