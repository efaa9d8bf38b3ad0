"""Audit trail: who did what, when and why; searched, checked and taken away.

What belongs here: reading the ledger's events. What does not: writing them, and how they are
chained (`orchestration.ledger`).
"""

from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.access.ledger_scope import limits_by_order
from console.data import Data
from console.downloads import TYPES, Sent, refuse_form, send
from console.people import People
from console.sheets import ROWS_A_SHEET, TooManyRows, write_sheets
from console.state import State
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.templating import link, render
from orchestration.core.chain import COLUMNS
from orchestration.ledger.export import writer_of
from orchestration.ledger.reading import LedgerReader
from orchestration.ledger.verifier import verify_ledger

router = APIRouter()
PAGE = 100
FORMS = {**TYPES, "jsonl": "application/jsonl"}
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
            wanted = [query[name]]
            if name == "actor":
                wanted += People(request.app.state.console.desk.names).ids_of(query[name])
            parts.append(f"{column} in ({', '.join('?' * len(wanted))})")
            values += wanted
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
            sql = f"select {', '.join(COLUMNS)} from events where {where}{paging}"
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
    """The chosen events as a file, in the columns of `meshline audit export`."""
    if form not in FORMS:
        raise NotFound(f"The audit trail is taken as {', '.join(FORMS)}.")
    # Lines of JSON are for machines that could as well read the CSV, so one right is for both.
    refuse_form(viewer, "csv" if form == "jsonl" else form)
    is_sqlite = state.config.settings.ledger_database.startswith("sqlite")
    _, where, values = _conditions(request, data, is_sqlite=is_sqlite)
    return send(
        request,
        state,
        viewer,
        Sent("audit", "audit", form, FORMS[form]),
        lambda target: _write(state, target, where, values),
    )


def _write(state: State, target: Path, where: str, values: list[Any]) -> None:
    """Write the events, a few thousand in memory at a time.

    Raises:
        TooManyRows: There are more than a sheet has rows.
    """
    sql = f"select {', '.join(COLUMNS)} from events where {where} order by seq"
    with state.desk.reader() as reader:
        chunks = reader.tuples(sql, values) if reader is not None else iter(())
        if target.suffix == ".xlsx":
            count, _ = _totals(state, reader, where, values) if reader is not None else (0, [])
            if count > ROWS_A_SHEET:
                raise TooManyRows(
                    f"{count:,} events are chosen, and a spreadsheet holds {ROWS_A_SHEET:,}. "
                    "Choose a shorter time or one person, or take them as CSV or Parquet, which "
                    "have no limit."
                )
            write_sheets(chain([COLUMNS], chain.from_iterable(chunks)), target)
            return
        with writer_of(target) as write:
            for chunk in chunks:
                write(chunk)


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
