"""Reading json and jsonl into the stage, numbers as they are written.

What belongs here: records of a JSON text as rows of text. What does not: meaning of values. The
loader imports this.

DuckDB's JSON reader turns 12345678901234.1234 into a double before anybody can ask for its text.
Money may not pass through that, so the records are read here: one at a time, numbers kept as their
digits, and handed over in batches.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from orchestration.core.contracts import StreamContract
from orchestration.settings import Settings
from orchestration.warehouse.loader_archive import Archived
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_jsontext import RECORDS_MISSING, JsonText
from orchestration.warehouse.loader_staging import Batcher, Direct, Staged
from orchestration.warehouse.loader_unpack import chunks, transcoded

_BOM = b"\xef\xbb\xbf"


class _Number(str):
    """A number by its digits."""

    __slots__ = ()


class _RepeatedNameError(ValueError):
    """One object gives a name twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _RepeatedNameError
    return built


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_Number
)


class JsonReader:
    """One JSON text, staged: its columns are known only when it has been read."""

    separator = "."
    delimiter = ","

    def __init__(self, header: tuple[str, ...], staged: Staged) -> None:
        """Keep what was staged."""
        self.header = header
        self._staged = staged

    def direct(self) -> Direct | None:
        """Return None: DuckDB never reads numbers out of JSON here."""
        return None

    def stage(self, direct: Direct | None) -> Staged:
        """Return what is staged already."""
        del direct
        return self._staged

    def close(self) -> None:
        """Do nothing: there is no work file."""


def open_json(
    connection: duckdb.DuckDBPyConnection,
    archived: Archived,
    stream: StreamContract,
    settings: Settings,
) -> JsonReader:
    """Stage a JSON document or a file with one JSON object a line.

    Raises:
        Refused: The file cannot be used at all.
    """
    batcher = Batcher(connection, 0, settings.parse_timeout_seconds)
    rows = _Rows(batcher, stream)
    text = transcoded(chunks(archived, settings), stream.format.encoding)
    if archived.kind == "jsonl":
        _read_lines(_lines(text, stream.format.max_line_bytes), rows)
    else:
        _read_document(text, rows, stream)
    batcher.flush()
    staged = Staged("stage.line", batcher.row_count, batcher.reject_count, clean=False)
    return JsonReader(rows.header, staged)


class _Rows:
    """Turns records into rows; a name gets its column where it is first seen."""

    def __init__(self, batcher: Batcher, stream: StreamContract) -> None:
        self._batcher = batcher
        self._limits = stream.format
        self._position: dict[str, int] = {}
        headers = [column.header or name for name, column in stream.columns.items()]
        self._paths = tuple(header for header in headers if "." in header)
        self._named = frozenset(headers)

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(self._position)

    def take(self, line: int, record: Any, size: int) -> None:
        """Stage one record, or say why not."""
        if batch_is_over(self._batcher.row_count, self._limits.max_rows):
            raise Refused("A15", f"more than {self._limits.max_rows} rows (max_rows)")
        if not isinstance(record, dict):
            self.reject(line, "A9", "no JSON object; a record is an object", str(record))
            return
        found = self._with_paths(record)
        for name in found:
            if name not in self._position:
                self._add_column(name)
        nested = [
            name
            for name, value in found.items()
            if name in self._named and isinstance(value, dict | list)
        ]
        if nested:
            reason = f"{', '.join(nested)} holds a list or an object where a value belongs"
            self.reject(line, "A9", reason, _dump(record))
            return
        values: list[str | None] = [None] * len(self._position)
        for name, value in found.items():
            values[self._position[name]] = _as_text(value)
        if any(value is not None and not _is_text(value) for value in values):
            self.reject(line, "A16", "a broken character (half a surrogate pair)", _dump(record))
            return
        self._batcher.add(line, values, size)

    def reject(self, line: int, fault_id: str, reason: str, text: str) -> None:
        shown = text.encode("utf-8", "backslashreplace").decode()
        self._batcher.reject(line, fault_id, f"{reason}; correct and resend the record", shown)

    def _with_paths(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._paths:
            return record
        inner: dict[str, Any] = {}
        for path in self._paths:
            value: Any = record
            for step in path.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            if value is not None:
                inner[path] = value
        return {**record, **inner}

    def _add_column(self, name: str) -> None:
        if len(self._position) >= self._limits.max_columns:
            raise Refused(
                "A15",
                f"more than {self._limits.max_columns} names in its records (max_columns); "
                "deliver only what is needed",
            )
        if not _is_text(name):
            raise Refused("A16", "a name with a broken character; correct and deliver it again")
        self._position[name] = len(self._position)
        self._batcher.widen(len(self._position))


def batch_is_over(rows: int, limit: int) -> bool:
    """Whether one more row would be one too many."""
    return rows >= limit


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _as_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _dump(value)


def _dump(value: Any) -> str:
    """Return JSON again, numbers by their own digits."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        inner = (f"{json.dumps(name)}: {_dump(item)}" for name, item in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_dump(item) for item in value) + "]"
    return json.dumps(value)


def _lines(text: Iterator[bytes], limit: int) -> Iterator[tuple[bytes, bool]]:
    """Yield (line, closed); a line over the limit comes cut to it, so that it shows."""
    rest = b""
    first = True
    for chunk in text:
        if first:
            chunk = chunk.removeprefix(_BOM)  # noqa: PLW2901 - the mark belongs to no line
            first = False
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield part, True
        if len(rest) > limit:
            rest = rest[: limit + 1]
    if rest:
        yield rest, False


def _read_lines(lines: Iterator[tuple[bytes, bool]], rows: _Rows) -> None:
    limit = rows._limits.max_line_bytes  # noqa: SLF001 - one module
    for number, (line, closed) in enumerate(lines, start=1):
        if len(line) > limit:
            rows.reject(
                number,
                "A15",
                f"longer than {limit} bytes (max_line_bytes)",
                line[:2000].decode("utf-8", "replace"),
            )
            continue
        if not line.strip():
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            rows.reject(number, "A16", "not UTF-8", line.decode("utf-8", "backslashreplace"))
            continue
        try:
            record = DECODER.decode(text)
        except _RepeatedNameError:
            rows.reject(number, "A9", "one name stands twice in the record", text)
        except (ValueError, RecursionError) as error:
            if not closed:
                raise Refused(
                    "A4",
                    f"line {number}, the last one, is no whole record, so the file may be cut "
                    "off; deliver it again",
                ) from error
            rows.reject(number, "A9", f"no JSON ({error})", text)
        else:
            rows.take(number, record, len(line))


def _read_document(text: Iterator[bytes], rows: _Rows, stream: StreamContract) -> None:
    path = stream.format.records_path.split(".") if stream.format.records_path else []
    document = JsonText(text, stream.format.max_line_bytes, DECODER)
    try:
        for line, record, size in document.records(path):
            rows.take(line, record, size)
    except _RepeatedNameError as error:
        raise Refused("A9", "one name stands twice in an object; correct the file") from error
    except RecursionError as error:
        raise Refused("A15", "nested too deeply; correct the file") from error
    except UnicodeDecodeError as error:
        raise Refused("A16", "not UTF-8 text; deliver it again as UTF-8") from error
    except LookupError as error:
        raise Refused("A10", f"{RECORDS_MISSING} ({error})") from error
