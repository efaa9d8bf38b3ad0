"""Runs: what a run read, what became of every row and cent, what changed, what was published.

What belongs here: the books of the loader and of the accounting. What does not: starting a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.downloads import Download, download
from console.pages.run_checks import MAKERS, Line, count_by, describe
from console.state import State
from console.vocabulary import DISPOSITIONS
from console.web.deps import Marts, Me, Parts
from console.web.templating import render
from orchestration.warehouse.run_checks import read_checks, runs_with_checks
from orchestration.warehouse.run_records import last_run
from orchestration.warehouse.runs import current_holder, utc_now

router = APIRouter()
SHOWN_FINDINGS = 10
ACCOUNTING = """
    select source, stream, currency_code, disposition, reason_code, row_count, amount
    from fct_source_accounting
    order by source, stream, currency_code, disposition, reason_code
"""
BY_STREAM = """
    select source, stream,
        sum(row_count) as row_count,
        sum(row_count) filter (where disposition = 'matched') as matched,
        sum(row_count) filter (where disposition = 'in_exception') as in_exception,
        sum(row_count) filter (where disposition = 'not_due') as not_due,
        sum(row_count) filter (where disposition = 'excluded') as excluded,
        sum(row_count) filter (where disposition = 'superseded') as superseded,
        sum(row_count) filter (where disposition = 'rejected') as rejected
    from fct_source_accounting
    group by source, stream
    order by source, stream
"""
READ = """
    select source, stream, sum(rows_loaded) + sum(rows_rejected) as read_count
    from fct_files where status_code <> 'duplicate'
    group by source, stream
"""
PRINTS = """
    select run_no, run_id, as_of, table_name, row_count, fingerprint
    from run_fingerprints order by run_no desc, table_name
"""
CHANGES = """
    select run_no, changed_at, count(*) as change_count,
        count(distinct recon_key) as order_count,
        count(*) filter (where to_code in ('matched', 'reconciled')) as better_count,
        count(*) filter (where to_code = 'exception') as worse_count
    from fct_state_changes
    group by run_no, changed_at
    order by run_no desc, changed_at desc
    limit 30
"""
FILES = """
    select load_seq, source, stream, file_name, status_code, fault_id, reason, rows_read,
        rows_loaded, rows_duplicate, rows_rejected, observed_at
    from fct_files order by load_seq desc limit 200
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """How the checks of a run ended: counts by maker and result, and the first findings."""

    run_no: int
    counts: Mapping[str, Mapping[str, int]]
    findings: Sequence[Line]
    finding_count: int


@router.get("/runs", name="runs")
def runs(request: Request, state: Parts, data: Marts) -> Response:
    """The last run and the publication of this page."""
    settings = state.config.settings
    now = utc_now()
    return render(
        request,
        "runs.html",
        page="runs",
        record=last_run(settings, now=now),
        holder=current_holder(settings, now=now),
        streams=_with_read(data),
        dispositions=DISPOSITIONS,
        prints=data.rows(PRINTS) if data.has("run_fingerprints") else (),
        changes=data.rows(CHANGES) if data.viewer.may_open(state.policy, "order") else (),
        checks=_checks(state),
        makers=MAKERS,
        files=data.rows(FILES),
    )


@router.get("/runs/files", name="run_files")
def run_files(request: Request, data: Marts) -> Response:
    """Every delivery of a file, the latest first."""
    return render(request, "run_files.html", page="runs", files=data.rows(FILES))


@router.get("/runs/accounting.{form}", name="accounting_download")
def accounting_download(request: Request, state: Parts, viewer: Me, form: str) -> Response:
    """Where every row and cent ended, as a file."""
    return download(request, state, viewer, form, Download("accounting", ACCOUNTING, {}))


def _checks(state: State) -> Checked | None:
    """The checks of the latest run that kept any; None before."""
    numbers = runs_with_checks(state.config.settings)
    kept = read_checks(state.config.settings, numbers[0]) if numbers else None
    if kept is None:
        return None
    lines = describe(state, kept)
    findings = [line for line in lines if line.check.status != "pass"]
    return Checked(kept.run_no, count_by(lines), findings[:SHOWN_FINDINGS], len(findings))


def _with_read(data: Marts) -> list[dict[str, Any]]:
    """Rows by stream and disposition beside what the loader says it read; both must agree."""
    read = {(row["source"], row["stream"]): row["read_count"] for row in data.rows(READ)}
    return [
        {**row, "read_count": read.get((row["source"], row["stream"]))}
        for row in data.rows(BY_STREAM)
    ]
