"""Tables as files: CSV, XLSX, Parquet, at any size.

What belongs here: writing a scoped query to a file and sending it. What does not: which queries,
and how a spreadsheet is written (`console.sheets`).

A file is written to the scratch folder of the home in pieces and sent in pieces, so memory stays
flat. In CSV, text that a spreadsheet would run as a formula is preceded by an apostrophe; numbers
stay numbers. Every download is noted with who took it.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from console.access.viewer import Viewer
from console.data import Data
from console.sheets import write_sheets
from console.state import State
from console.web.errors import NotFound
from console.web.guard import Refused

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
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


@dataclass(frozen=True, slots=True)
class Sent:
    """A file on its way.

    Attributes:
        name: What the note of the download says.
        title: What the file is called, without our name, the day and the ending.
        form: Its ending.
        media_type: What browsers are told that it is.
    """

    name: str
    title: str
    form: str
    media_type: str


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
    refuse_form(viewer, form)
    with state.snapshots.pin() as published:
        data = Data(published, viewer, state.answers)
        return send(
            request,
            state,
            viewer,
            Sent(wanted.name, f"{wanted.name}-run{published.run_no}", form, TYPES[form]),
            lambda target: _write(data, wanted, target, form),
        )


def refuse_form(viewer: Viewer, form: str) -> None:
    """Refuse whoever may not take data away in this form.

    Raises:
        Refused: The role may not.
    """
    if not viewer.can_take(form):
        raise Refused(f"Your role ({viewer.role.label}) cannot download {form.upper()} files.")


def send(
    request: Request, state: State, viewer: Viewer, sent: Sent, write: Callable[[Path], None]
) -> Response:
    """Let a file be written to the scratch folder, note who takes it, and send it."""
    folder = state.snapshots.scratch
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{secrets.token_hex(8)}.{sent.form}"
    try:
        write(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    state.store.note(
        viewer.account_id, viewer.email, f"downloaded {sent.form}", sent.name, request.url.query
    )
    return FileResponse(
        target,
        media_type=sent.media_type,
        filename=f"meshline-{sent.title}-{datetime.now(UTC):%Y%m%d}.{sent.form}",
        background=BackgroundTask(target.unlink, missing_ok=True),
    )


def _write(data: Data, wanted: Download, target: Path, form: str) -> None:
    sql, values = wanted.sql, wanted.values
    if form == "csv":
        data.write(_without_formulas(data, sql, values), values, target, "csv")
    elif form == "parquet":
        data.write(sql, values, target, "parquet")
    else:
        write_sheets(data.stream(sql, values), target)


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
