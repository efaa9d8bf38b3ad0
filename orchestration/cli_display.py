"""How the command line writes: clean text, tables, amounts, JSON.

What belongs here: the look of any value. What does not: which values (`orchestration.reading`).
Only the command line may import this.

Text that came from source data is hostile: it may hold escape sequences that a terminal obeys,
characters that turn a line around, and what looks like markup. It is shown as `Text`, which knows
no markup, with everything invisible spelled out.
"""

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_WHEN_PIPED = 160
# Control, format (turns text around, joins, hides), surrogate, private use, line, paragraph.
SPELLED_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
SEVERITY_STYLES: Mapping[str, str] = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "dim",
    "info": "dim",
}


def stdout() -> Console:
    """The console for results; wide when piped, so that no table is cut."""
    return _console(sys.stdout)


def stderr() -> Console:
    """The console for progress and messages."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else WIDTH_WHEN_PIPED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def clean(value: object) -> str:
    """Return a value as one line of plain text in which nothing is hidden."""
    match value:
        case None:
            shown = "-"
        case bool():
            shown = "yes" if value else "no"
        case datetime():
            shown = f"{value:%Y-%m-%d %H:%M}"
        case date():
            shown = value.isoformat()
        case Decimal():
            shown = amount(value)
        case int():
            shown = f"{value:,}"
        case _:
            shown = "".join(
                _spelled(each) if unicodedata.category(each) in SPELLED_OUT else each
                for each in str(value)
            )
    return shown


def _spelled(character: str) -> str:
    """The escape of one character, as in a source file."""
    return character.encode("unicode_escape").decode("ascii") if ord(character) else "\\x00"


def amount(value: Decimal | None, currency: object = None) -> str:
    """Return an amount with two decimals, or more where it has more, and its currency."""
    if value is None:
        return "-"
    _, digits, exponent = value.normalize().as_tuple()
    places = max(2, -exponent) if isinstance(exponent, int) and digits != (0,) else 2
    return f"{value:,.{places}f}" + (f" {clean(currency)}" if currency else "")


def text(value: object, style: str = "") -> Text:
    """Return a value as text without markup."""
    return Text(clean(value), style=style)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table; columns whose name ends with `>` are set to the right, with `.` wrap."""
    made = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for column in columns:
        name = column.rstrip(">.")
        made.add_column(
            Text(name, style="dim"),
            justify="right" if column.endswith(">") else "left",
            no_wrap=not column.endswith("."),
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else text(cell) for cell in row))
    return made


def severity(code: object) -> Text:
    """Return a severity in its colour."""
    return text(code, SEVERITY_STYLES.get(str(code).lower(), ""))


def print_json(value: object) -> None:
    """Write one JSON document; amounts are strings, moments ISO 8601 in UTC, all of it ASCII."""
    sys.stdout.write(json.dumps(_plain(value), indent=2, ensure_ascii=True) + "\n")


def _plain(value: object) -> object:
    """A value as JSON can hold it, without a float ever touching money."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
