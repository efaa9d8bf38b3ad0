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


class _NeedsMoreError(Exception):
    """The text ends inside quotes."""


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
    lines = 1
    while True:
        try:
            cells, problem, fault_id = _split(_without_line_end(raw), dialect)
        except _NeedsMoreError:
            more = source.readline(dialect.max_line_bytes + 2)
            if not more:
                raise Refused("A4", _open_at_end(lines)) from None
            raw += more
            lines += 1
            if len(raw) > dialect.max_line_bytes:
                raise Refused("A9", _open_too_long(lines, dialect)) from None
            continue
        if problem is not None and lines > 1:
            raise Refused("A9", _badly_closed(lines, problem))
        return Record(_without_line_end(raw), tuple(cells), lines, problem, fault_id)


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


def _split(text: bytes, dialect: Dialect) -> tuple[list[bytes], str | None, str]:
    """Split one record; (cells, problem, fault id)."""
    quote, delimiter = dialect.quote or b"", dialect.delimiter
    cells: list[bytes] = []
    at = 0
    while True:
        if text.startswith(quote, at):
            cell, after = _quoted_cell(text, at, dialect)
            cells.append(cell)
            if after == len(text):
                return cells, None, "A9"
            if not text.startswith(delimiter, after):
                return [], "text follows a closing quote; double the quotes inside texts", "A9"
            at = after + 1
            continue
        end = text.find(delimiter, at)
        cell = text[at:] if end < 0 else text[at:end]
        if cell.lstrip(b" \t").startswith(quote):
            return [], "a blank stands before an opening quote; remove it", "A9"
        if b"\r" in cell:
            return [], "a bare carriage return inside a line", "A16"
        cells.append(cell)
        if end < 0:
            return cells, None, "A9"
        at = end + 1


def _quoted_cell(text: bytes, at: int, dialect: Dialect) -> tuple[bytes, int]:
    """Return a quoted cell and the position behind its closing quote."""
    quote, escape = dialect.quote or b"", dialect.escape
    pieces: list[bytes] = []
    begin = at + 1
    if escape == quote:
        while True:
            end = text.find(quote, begin)
            if end < 0:
                raise _NeedsMoreError
            pieces.append(text[begin:end])
            if not text.startswith(quote, end + 1):
                return quote.join(pieces), end + 1
            begin = end + 2
    while True:
        end = text.find(quote, begin)
        if end < 0:
            raise _NeedsMoreError
        escaped = text.find(escape, begin, end)
        if escaped < 0:
            pieces.append(text[begin:end])
            return b"".join(pieces), end + 1
        pieces += [text[begin:escaped], text[escaped + 1 : escaped + 2]]
        begin = escaped + 2


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
