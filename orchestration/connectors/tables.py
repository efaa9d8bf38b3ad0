"""CSV tables of the operating model, each row a checked record with its line.

What belongs here: the header against the record, empty cells, rows that are too short, and every
problem at once. What does not: what a record means (`core.policies.records`). Only
`orchestration.connectors` imports this.
"""

import csv
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from orchestration.core.policies.rows import Row

_R = TypeVar("_R", bound=Row)


def read_table(seeds: Path, record: type[_R], problems: list[str]) -> tuple[_R, ...]:
    """Return the rows of a table that are well-formed; add what is wrong to `problems`.

    Args:
        seeds: The folder of the operating model.
        record: What a row is; names its file. A record that ignores extra columns reads only its
            own. An empty cell is a column that the row does not give.
        problems: Gets `file:line: what` for each problem.
    """
    path, shown = seeds / record.file, f"seeds/{record.file}"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        problems.append(f"{shown}:1: the file is missing")
        return ()
    except UnicodeDecodeError as error:
        problems.append(f"{shown}:1: is no UTF-8 text: {error.reason} at byte {error.start}")
        return ()
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = next(reader, [])
        if not _header_fits(header, record, shown, problems):
            return ()
        rows = []
        for cells in reader:
            row = _read_row(record, header, cells, reader.line_num, problems)
            if row is not None:
                rows.append(row)
    except csv.Error as error:
        problems.append(f"{shown}:{reader.line_num}: not readable as CSV: {error}")
        return ()
    return tuple(rows)


def _header_fits(header: list[str], record: type[Row], shown: str, problems: list[str]) -> bool:
    wanted = [name for name in record.model_fields if name != "line"]
    missing = [name for name in wanted if name not in header]
    extra = [name for name in header if name not in wanted]
    if record.model_config.get("extra") == "ignore":
        extra = []
    doubled = sorted({name for name in header if header.count(name) > 1})
    found = [f"column {name} is missing" for name in missing]
    found += [f"column {name!r} is not known" for name in extra]
    found += [f"column {name} is there twice" for name in doubled]
    problems += [f"{shown}:1: {what}" for what in found]
    return not found


def _read_row(
    record: type[_R], header: list[str], cells: list[str], line: int, problems: list[str]
) -> _R | None:
    shown = f"seeds/{record.file}:{line}"
    if len(cells) != len(header):
        problems.append(f"{shown}: has {len(cells)} cells, the header has {len(header)}")
        return None
    given = {
        name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip() != ""
    }
    try:
        return record.model_validate({**given, "line": line})
    except ValidationError as error:
        for item in error.errors():
            column = ".".join(str(part) for part in item["loc"])
            said = item["msg"].removeprefix("Value error, ")
            value = f" ({item['input']!r})" if isinstance(item["input"], str) else ""
            problems.append(f"{shown}: {column + ': ' if column else ''}{said}{value}")
        return None
