"""Tables as files: CSV, XLSX, Parquet, at any size.

What belongs here: writing a scoped query to a file and sending it. What does not: which queries.

A file is written to the scratch folder of the home in pieces and sent in pieces, so memory stays
flat. In CSV, text that a spreadsheet would run as a formula is preceded by an apostrophe; numbers
stay numbers. In XLSX every text is written as text, so nothing needs escaping. Every download is
noted with who took it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from console.access.viewer import Viewer
from console.data import Data
from console.state import State
from console.web.errors import NotFound
from console.web.guard import Refused

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
ROWS_A_SHEET = 1_000_000
LONGEST_CELL = 32_767
MOST_EXACT_DIGITS = 15
# The set of `core.spreadsheets`, as a pattern in an SQL text: hence the doubled apostrophe.
_FORMULA = r"^[=+\-@\t\r\n'']"


@dataclass(frozen=True, slots=True)
class Download:
    """What is taken away.

    Attributes:
        name: Part of the file's name, and what the note of the download says.
        sql: One select; marts are named without schema.
        values: What it binds.
    """

    name: str
    sql: str
    values: Mapping[str, Any]


def download(
    request: Request, state: State, viewer: Viewer, form: str, wanted: Download
) -> Response:
    """Return the answer of a query as a file.

    Raises:
        NotFound: There is no such form.
        Refused: The role may not take data away in this form.
    """
    if form not in TYPES:
        raise NotFound("Downloads are csv, xlsx and parquet.")
    if not viewer.can_take(form):
        raise Refused(f"Your role ({viewer.role.label}) cannot download {form.upper()} files.")
    folder = state.snapshots.scratch
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{secrets.token_hex(8)}.{form}"
    with state.snapshots.pin() as published:
        data = Data(published, viewer, state.answers)
        run_no = published.run_no
        try:
            _write(data, wanted, target, form)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    state.store.note(
        viewer.account_id, viewer.email, f"downloaded {form}", wanted.name, request.url.query
    )
    return FileResponse(
        target,
        media_type=TYPES[form],
        filename=f"meshline-{wanted.name}-run{run_no}-{datetime.now(UTC):%Y%m%d}.{form}",
        background=BackgroundTask(target.unlink, missing_ok=True),
    )


def _write(data: Data, wanted: Download, target: Path, form: str) -> None:
    sql, values = wanted.sql, wanted.values
    if form == "csv":
        data.write(_without_formulas(data, sql, values), values, target, "csv")
    elif form == "parquet":
        data.write(sql, values, target, "parquet")
    else:
        _write_xlsx(data, sql, values, target)


def _without_formulas(data: Data, sql: str, values: Mapping[str, Any]) -> str:
    """The query with its text columns made harmless."""
    texts = data.texts(sql, values)
    if not texts:
        return sql
    escaped = ", ".join(
        f"case when regexp_matches({_quoted(name)}, '{_FORMULA}') then '''' || {_quoted(name)} "
        f"else {_quoted(name)} end as {_quoted(name)}"
        for name in texts
    )
    return f"select * replace ({escaped}) from ({sql})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _write_xlsx(data: Data, sql: str, values: Mapping[str, Any], target: Path) -> None:
    """Write sheets of at most a million rows, row by row."""
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(target),
        {
            "constant_memory": True,
            "tmpdir": str(target.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    head = book.add_format({"bold": True, "bottom": 1})
    moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    days = book.add_format({"num_format": "yyyy-mm-dd"})
    stream = data.stream(sql, values)
    names = next(stream)
    sheet, line = None, ROWS_A_SHEET + 1
    for row in stream:
        if line > ROWS_A_SHEET:
            sheet, line = _new_sheet(book, names, head), 1
        assert sheet is not None  # noqa: S101, made in the first round
        for place, value in enumerate(row):
            if isinstance(value, bool):
                sheet.write_boolean(line, place, value)
            elif isinstance(value, datetime):
                sheet.write_datetime(line, place, value, moments)
            elif isinstance(value, date):
                sheet.write_datetime(line, place, value, days)
            elif (isinstance(value, int | Decimal) and _is_exact(value)) or isinstance(
                value, float
            ):
                sheet.write_number(line, place, value)
            elif value is not None:
                sheet.write_string(line, place, str(value)[:LONGEST_CELL])
        line += 1
    if sheet is None:
        _new_sheet(book, names, head)
    book.close()


def _is_exact(value: int | Decimal) -> bool:
    """Whether a spreadsheet, which keeps fifteen digits, shows the number as it is."""
    return len(Decimal(value).normalize().as_tuple().digits) <= MOST_EXACT_DIGITS


def _new_sheet(book: Any, names: tuple[Any, ...], head: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(names):
        sheet.write_string(0, place, str(name), head)
        sheet.set_column(place, place, max(10, min(40, len(str(name)) + 4)))
    return sheet
