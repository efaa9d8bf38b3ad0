"""Settlements: from the bank's line to the batch, its lines, and the orders they pay.

What belongs here: batches as the marts show them. What does not: matching, and what a batch is
(`fct_settlement_batches`): its lines must come to its net amount (leg settlement_batch), and that
must come to the bank (leg bank).
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.downloads import Download, download
from console.matches import match_of
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.templating import link, render

router = APIRouter()
PAGE = 50
BATCHES = """
    with wrong as (
        select native_ref as batch_id, count(*) as exception_count
        from fct_exceptions
        where leg_code in ('settlement', 'settlement_batch', 'bank')
        group by native_ref
    ),
    batches as (
        select fct_settlement_batches.*, coalesce(wrong.exception_count, 0) as exception_count
        from fct_settlement_batches
        left join wrong on fct_settlement_batches.batch_id = wrong.batch_id
    )
"""
_CHOSEN = """
    where ($q = '' or contains(lower(batch_id), $q))
        and ($only = '' or bank_code <> 'matched' or lines_code <> 'matched' or exception_count > 0)
"""
LIST = f"""
    {BATCHES}
    select * from batches {_CHOSEN} and batch_id > $after order by batch_id limit 51
"""
TOTALS = f"""
    {BATCHES}
    select currency_code, count(*) as batch_count, sum(stated_amount) as stated_amount,
        sum(coalesce(bank_amount, 0)) as bank_amount,
        count(*) filter (where bank_code <> 'matched') as unpaid_count
    from batches {_CHOSEN}
    group by currency_code order by batch_count desc, currency_code
"""
ALL = f"{BATCHES} select * from batches {_CHOSEN} order by batch_id"
ONE = f"{BATCHES} select * from batches where batch_id = $batch_id"
LINES = """
    select fct_settlement_lines.*, fct_orders.order_id, fct_orders.customer_id,
        fct_orders.state_code
    from fct_settlement_lines
    left join fct_orders on fct_settlement_lines.recon_key = fct_orders.recon_key
    where fct_settlement_lines.batch_id = $batch_id
    order by try_cast(line_no as bigint), line_no, match_id
    limit 2000
"""
WRONG = """
    select exception_id, exception_code, ticket_severity_code as severity_code, explanation,
        leak_amount, currency_code, due_at
    from fct_exceptions
    where leg_code in ('settlement', 'settlement_batch', 'bank')
        and (native_ref = $batch_id or contains(explanation, $batch_id))
    order by due_at, exception_id limit 20
"""


@router.get("/settlements", name="settlements")
def settlements(
    request: Request,
    data: Marts,
    q: Annotated[str, Query(max_length=100)] = "",
    only: str = "",
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The batches."""
    values = {"q": q.strip().lower(), "only": "open" if only else ""}
    rows = data.rows(LIST, after=after, **values)
    query = {"q": q, "only": values["only"]}
    has_next = len(rows) > PAGE
    return render(
        request,
        "settlements.html",
        page="settlements",
        rows=rows[:PAGE],
        sums=data.rows(TOTALS, **values),
        chosen=query,
        is_first=not after,
        next_address=link("/settlements", query, after=rows[PAGE - 1]["batch_id"])
        if has_next
        else None,
    )


@router.get("/settlements.{form}", name="settlements_download")
def settlements_download(
    request: Request, state: Parts, viewer: Me, form: str, q: str = "", only: str = ""
) -> Response:
    """All batches as a file."""
    values = {"q": q.strip().lower()[:100], "only": "open" if only else ""}
    return download(request, state, viewer, form, Download("settlements", ALL, values))


@router.get("/settlements/{batch_id:path}", name="settlement")
def settlement(request: Request, data: Marts, batch_id: str) -> Response:
    """One batch: its lines, the payments and orders behind them, and the bank."""
    row = data.one(ONE, batch_id=batch_id)
    if row is None:
        raise NotFound(f"There is no settlement batch {batch_id} that you may see.")
    paid, members = (
        match_of(data, row["bank_match_id"], None) if row["bank_match_id"] else (None, [])
    )
    return render(
        request,
        "settlement.html",
        page="settlements",
        row=row,
        lines=data.rows(LINES, batch_id=batch_id),
        paid=paid,
        bank=[each for each in members if each["side"] == "actual"],
        wrong=data.rows(WRONG, batch_id=batch_id),
        as_of=data.published.as_of.replace(tzinfo=None),
    )
