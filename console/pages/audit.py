"""Audit trail: who did what, when and why; searched, checked and taken away.

What belongs here: reading the ledger's events. What does not: writing them, and how they are
chained (`orchestration.ledger`).
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from console.access.ledger_scope import limits_by_order
from console.data import Data
from console.downloads import TYPES
from console.state import State
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.guard import Refused
from console.web.templating import link, render
from orchestration.core.spreadsheets import safe_cell
from orchestration.ledger.reading import LedgerReader
from orchestration.ledger.verifier import verify_ledger

router = APIRouter()
PAGE = 100
_COLUMNS = (
    "seq", "at", "actor_id", "actor_role", "principal_id", "action", "subject_type", "subject_id",
    "recon_key", "reason", "payload", "prev_hash", "hash",
)  # fmt: skip
_FILTERS = {"actor": "actor_id", "action": "action", "subject": "subject_id", "order": "recon_key"}
_LONGEST = 100


def _conditions(
    request: Request, data: Data, *, is_sqlite: bool
) -> tuple[dict[str, str], str, list[Any]]:
    """What the address says, the where clause, and what it binds."""
    query = {name: request.query_params.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    query |= {
        name: request.query_params.get(name, "").strip()[:10] for name in ("from_on", "to_on")
    }
    parts, values = ["1 = 1"], []
    for name, column in _FILTERS.items():
        if query[name]:
            parts.append(f"{column} = ?")
            values.append(query[name])
    if query["from_on"]:
        parts.append("at >= ?")
        values.append(query["from_on"])
    if query["to_on"]:
        parts.append("at < ?")
        values.append(query["to_on"] + "T99")
    if not data.viewer.role.rows.is_whole:
        limits, bound = limits_by_order(data, is_sqlite=is_sqlite)
        parts.append(limits)
        values += bound
    return query, " and ".join(parts), values


@router.get("/audit", name="audit")
def audit(
    request: Request,
    state: Parts,
    data: Marts,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    verify: str = "",
) -> Response:
    """The events, newest first, and on demand the verdict on all of them."""
    with state.desk.reader() as reader:
        rows: list[dict[str, Any]] = []
        query: dict[str, str] = dict.fromkeys((*_FILTERS, "from_on", "to_on"), "")
        actions: list[str] = []
        count = 0
        if reader is not None:
            query, where, values = _conditions(request, data, is_sqlite=reader.is_sqlite)
            paging, paged = (" and seq < ?", [*values, before]) if before else ("", values)
            sql = f"select {', '.join(_COLUMNS)} from events where {where}{paging}"
            rows = list(reader.rows(f"{sql} order by seq desc limit {PAGE + 1}", paged))
            count, actions = _totals(state, reader, where, values)
    is_whole = data.viewer.role.rows.is_whole
    has_next = len(rows) > PAGE
    rows = rows[:PAGE]
    return render(
        request,
        "audit.html",
        page="audit",
        rows=rows,
        found=count,
        chosen=query,
        actions=actions,
        is_recorded=reader is not None,
        can_verify=is_whole,
        verdict=_verdict(state) if verify and is_whole else None,
        next_address=link("/audit", query, before=rows[-1]["seq"]) if has_next else None,
        is_first=before is None,
    )


@router.get("/audit/export.{form}", name="audit_download")
def audit_download(request: Request, state: Parts, viewer: Me, data: Marts, form: str) -> Response:
    """The filtered events as CSV or JSON lines, streamed; the download is noted."""
    if form not in {"csv", "jsonl"}:
        raise NotFound("The audit trail is taken as csv or jsonl.")
    if not viewer.can_take("csv"):
        raise Refused(f"Your role ({viewer.role.label}) cannot download the audit trail.")
    is_sqlite = state.config.settings.ledger_database.startswith("sqlite")
    _, where, values = _conditions(request, data, is_sqlite=is_sqlite)
    state.store.note(
        viewer.account_id, viewer.email, f"downloaded {form}", "audit", request.url.query
    )
    return StreamingResponse(
        _exported(state, form, where, values),
        media_type=TYPES["csv"] if form == "csv" else "application/jsonl",
        headers={"content-disposition": f'attachment; filename="meshline-audit.{form}"'},
    )


def _exported(state: State, form: str, where: str, values: list[Any]) -> Iterator[str]:
    """The lines of an export, a few thousand at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if form == "csv":
        writer.writerow(_COLUMNS)
    with state.desk.reader() as reader:
        if reader is not None:
            sql = f"select {', '.join(_COLUMNS)} from events where {where} order by seq"
            for chunk in reader.chunks(sql, values):
                for row in chunk:
                    if form == "csv":
                        writer.writerow([safe_cell(row[name]) for name in _COLUMNS])
                    else:
                        buffer.write(json.dumps(row, ensure_ascii=True) + "\n")
                yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _totals(
    state: State, reader: LedgerReader, where: str, values: list[Any]
) -> tuple[int, list[str]]:
    """How many events there are, and of which actions.

    Events are only ever added, so the answer for one head of the chain never changes.
    """
    head = next(reader.rows("select max(seq) as head from events"))["head"]

    def make() -> tuple[int, list[str]]:
        actions = reader.rows("select distinct action from events order by action")
        counted = f"select count(*) as n from events where {where}"
        return _one(reader, counted, values), [row["action"] for row in actions]

    found: tuple[int, list[str]] = state.answers.get(
        ("audit", str(state.config.settings.home), head, where, tuple(values)), make
    )
    return found


def _verdict(state: State) -> dict[str, Any]:
    """Whether the ledger is what it was when it was signed."""
    settings = state.config.settings
    verdict = verify_ledger(settings.ledger_database, settings.heads)
    return {
        "size": verdict.size,
        "root": verdict.root,
        "heads": verdict.heads,
        "unsigned": verdict.unsigned,
        "is_whole": verdict.is_whole,
        "findings": verdict.findings[:20],
        "problems": verdict.problems,
    }


def _one(reader: LedgerReader, sql: str, values: list[Any]) -> int:
    return int(next(reader.rows(sql, values))["n"])
