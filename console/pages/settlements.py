"""Settlements: from the bank's line to the batch, its lines, and the orders they pay.

What belongs here: batches as the marts show them. What does not: matching.
A batch is known by the members of its matches: the lines must come to the batch's net amount
(leg settlement_batch), and that must come to the bank (leg bank).
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.downloads import Download, download
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.templating import link, render

router = APIRouter()
PAGE = 50
_AMOUNTS = """
    with stated as (
        select native_id as batch_id, currency_code, sum(allocated_amount) as stated_amount,
            min(match_id) as match_id
        from fct_match_members
        where leg_code = 'settlement_batch' and stream = 'settlement_batches'
            and ($q = '' or contains(lower(native_id), $q)) {page}
        group by native_id, currency_code
    ),
    paid as (
        select own.native_id as batch_id, own.match_id, bank.native_id as bank_line,
            bank.line_no as bank_account, bank.allocated_amount as bank_amount
        from fct_match_members as own
        inner join fct_match_members as bank
            on own.match_id = bank.match_id and bank.side = 'actual'
        where own.leg_code = 'bank' and own.side = 'expected' and bank.leg_code = 'bank'
            and own.native_id in (select batch_id from stated)
    ),
    paid_once as (
        select batch_id, sum(bank_amount) as bank_amount, min(bank_line) as bank_line,
            min(match_id) as match_id
        from paid group by batch_id
    )
"""
BATCHES = (
    _AMOUNTS
    + """,
    lines as (
        select native_id as batch_id, count(*) as line_count,
            count(distinct recon_key) as order_count
        from fct_match_members
        where stream = 'settlement_lines' and side = 'actual'
            and native_id in (select batch_id from stated)
        group by native_id
    ),
    wrong as (
        select native_ref as batch_id, count(*) as exception_count
        from fct_exceptions
        where leg_code in ('settlement', 'settlement_batch', 'bank')
        group by native_ref
    ),
    batches as (
        select
            stated.batch_id,
            stated.currency_code,
            stated.stated_amount,
            coalesce(lines.line_count, 0) as line_count,
            coalesce(lines.order_count, 0) as order_count,
            footing.status_code as lines_code,
            coalesce(bank.status_code, 'open') as bank_code,
            paid_once.bank_amount,
            paid_once.bank_line,
            coalesce(wrong.exception_count, 0) as exception_count
        from stated
        left join fct_matches as footing on stated.match_id = footing.match_id
        left join paid_once on stated.batch_id = paid_once.batch_id
        left join fct_matches as bank on paid_once.match_id = bank.match_id
        left join lines on stated.batch_id = lines.batch_id
        left join wrong on stated.batch_id = wrong.batch_id
        where ($only = '' or coalesce(bank.status_code, 'open') <> 'matched'
                or footing.status_code is distinct from 'matched'
                or coalesce(wrong.exception_count, 0) > 0)
    )
"""
)
# A page is chosen before anything is added up, unless how its batches stand decides.
PAGE_OF_IDS = """
            and native_id in (
                select distinct native_id from fct_match_members
                where leg_code = 'settlement_batch' and stream = 'settlement_batches'
                    and native_id > $after and ($q = '' or contains(lower(native_id), $q))
                order by native_id limit 51
            )
"""
ONE_ID = "and native_id = $batch_id"
LIST = """
    select * from batches where batch_id > $after order by batch_id limit 51
"""
COUNT = """
    select currency_code, count(*) as batch_count, sum(stated_amount) as stated_amount,
        sum(coalesce(bank_amount, 0)) as bank_amount,
        count(*) filter (where bank_code <> 'matched') as unpaid_count
    from batches group by currency_code order by batch_count desc, currency_code
"""
# The same without what only a list shows: it is asked for all batches there are.
TOTALS = (
    _AMOUNTS.format(page="")
    + """
    select stated.currency_code, count(*) as batch_count,
        sum(stated.stated_amount) as stated_amount,
        sum(coalesce(paid_once.bank_amount, 0)) as bank_amount,
        count(*) filter (where bank.status_code is distinct from 'matched') as unpaid_count
    from stated
    left join paid_once on stated.batch_id = paid_once.batch_id
    left join fct_matches as bank on paid_once.match_id = bank.match_id and bank.leg_code = 'bank'
    group by stated.currency_code order by batch_count desc, stated.currency_code
"""
)
ALL = BATCHES.format(page="") + "select * from batches order by batch_id"
ONE = BATCHES.format(page=ONE_ID) + "select * from batches"
LINES = """
    select own.line_no, own.recon_key, own.allocated_amount, own.currency_code, own.match_id,
        own.leg_code, fct_matches.status_code, fct_matches.residual_amount,
        fct_matches.residual_class, fct_matches.explanation, payment.native_id as payment_id,
        payment.allocated_amount as payment_amount, fct_orders.order_id, fct_orders.customer_id,
        fct_orders.state_code
    from fct_match_members as own
    left join fct_matches on own.match_id = fct_matches.match_id
    left join fct_match_members as payment
        on own.match_id = payment.match_id and payment.side = 'expected'
    left join fct_orders on own.recon_key = fct_orders.recon_key
    where own.native_id = $batch_id and own.stream = 'settlement_lines' and own.side = 'actual'
    order by try_cast(own.line_no as bigint), own.line_no, payment.native_id
    limit 2000
"""
BANK = """
    select bank.native_id, bank.line_no, bank.allocated_amount, bank.currency_code,
        fct_matches.status_code, fct_matches.explanation
    from fct_match_members as own
    inner join fct_match_members as bank on own.match_id = bank.match_id and bank.side = 'actual'
    inner join fct_matches on own.match_id = fct_matches.match_id
    where own.leg_code = 'bank' and own.side = 'expected' and own.native_id = $batch_id
    order by bank.native_id
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
    by_page = BATCHES.format(page="" if only else PAGE_OF_IDS)
    rows = data.rows(by_page + LIST, after=after, **values)
    query = {"q": q, "only": values["only"]}
    has_next = len(rows) > PAGE
    return render(
        request,
        "settlements.html",
        page="settlements",
        rows=rows[:PAGE],
        sums=data.rows(BATCHES.format(page="") + COUNT if only else TOTALS, **values),
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


@router.get("/settlements/{batch_id}", name="settlement")
def settlement(request: Request, data: Marts, batch_id: str) -> Response:
    """One batch: its lines, the payments and orders behind them, and the bank."""
    row = data.one(ONE, batch_id=batch_id, q="", only="")
    if row is None:
        raise NotFound(f"There is no settlement batch {batch_id} that you may see.")
    return render(
        request,
        "settlement.html",
        page="settlements",
        row=row,
        lines=data.rows(LINES, batch_id=batch_id),
        bank=data.rows(BANK, batch_id=batch_id),
        wrong=data.rows(WRONG, batch_id=batch_id),
        as_of=data.published.as_of.replace(tzinfo=None),
    )
