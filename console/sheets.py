"""Spreadsheets: rows of any number as XLSX, written as they come.

What belongs here: cells and sheets. What does not: where the rows are from.

Every text is written as text, so nothing is run as a formula; what a spreadsheet could not show as
it is (numbers of more than fifteen digits) is text too.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.core.errors import ReconError

ROWS_A_SHEET = 1_000_000
LONGEST_CELL = 32_767
MOST_EXACT_DIGITS = 15


class TooManyRows(ReconError):
    """There are more rows than one sheet holds; the message says what to do instead."""


def write_sheets(stream: Iterator[Sequence[Any]], target: Path) -> None:
    """Write sheets of at most a million rows each; the first row of a stream is the names."""
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(target),
        {
            "constant_memory": True,
            "tmpdir": str(target.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            # A file of more than 4 GiB when it is unpacked needs the larger form.
            "use_zip64": True,
        },
    )
    head = book.add_format({"bold": True, "bottom": 1})
    moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    days = book.add_format({"num_format": "yyyy-mm-dd"})
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


def _new_sheet(book: Any, names: Sequence[Any], head: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(names):
        sheet.write_string(0, place, str(name), head)
        sheet.set_column(place, place, max(10, min(40, len(str(name)) + 4)))
    return sheet
