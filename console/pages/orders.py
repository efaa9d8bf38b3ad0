"""Orders: the list with filters and pages.

What belongs here: which orders. What does not: one of them (`console.pages.order`).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.data import Data
from console.downloads import Download, download
from console.web.deps import Marts, Me, Parts
from console.web.templating import link, render

router = APIRouter()
PAGE = 50
_LONGEST_TEXT = 100
FILTERS = {
    "state": "state_code",
    "type": "order_type",
    "segment": "segment",
    "tier": "customer_tier",
    "currency": "currency_code",
    "customer": "customer_id",
    "account": "sales_owner_id",
}
FIGURED = "not is_test and not is_synthetic"
COLUMNS = """
    recon_key, order_id, order_type, customer_id, customer_tier, segment, sales_owner_id,
    currency_code, total_amount, has_known_total, version_no, state_code, is_reconciled,
    open_exception_count, leak_amount, ordered_at, reconciled_at, sla_due_at, latency_hours
"""
TEXT = """(
    contains(lower(order_id), $q) or contains(lower(coalesce(customer_id, '')), $q)
    or contains(lower(coalesce(contract_id, '')), $q) or recon_key = $q
)"""


def read_filters(request: Request) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """Return what the address says, the where clause, and what it binds."""
    given = request.query_params
    query: dict[str, Any] = {
        name: sorted({each[:_LONGEST_TEXT] for each in given.getlist(name) if each})
        for name in FILTERS
    }
    parts = [FIGURED]
    values: dict[str, Any] = {}
    for name, wanted in query.items():
        if wanted:
            parts.append(f"{FILTERS[name]} in (select unnest($f_{name}))")
            values[f"f_{name}"] = wanted
    q = given.get("q", "").strip().lower()[:_LONGEST_TEXT]
    if q:
        parts.append(TEXT)
        values["q"] = q
    return {**query, "q": q}, " and ".join(parts), values


@router.get("/orders", name="orders")
def orders(
    request: Request, data: Marts, after: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """The list, newest first."""
    query, where, values = read_filters(request)
    moment, _, key = after.partition("~")
    paging = ""
    if key and data.value("select try_cast($text as timestamp) is not null", text=moment):
        paging = (
            " and (coalesce(ordered_at, timestamp '1900-01-01') < cast($k_at as timestamp) or ("
            "coalesce(ordered_at, timestamp '1900-01-01') = cast($k_at as timestamp)"
            " and recon_key > $k_key))"
        )
        values |= {"k_at": moment, "k_key": key}
    rows = data.rows(_page(where + paging), **values)
    next_after = (
        f"{rows[PAGE - 1]['sort_at']}~{rows[PAGE - 1]['recon_key']}" if len(rows) > PAGE else ""
    )
    return render(
        request,
        "orders.html",
        page="orders",
        rows=rows[:PAGE],
        chosen=query,
        found=data.value(_count(where), **values),
        next_address=link("/orders", query, after=next_after) if next_after else None,
        is_first=not after,
        as_of=data.published.as_of.replace(tzinfo=None),
        facets=_facets(data),
    )


@router.get("/orders.{form}", name="orders_download")
def orders_download(request: Request, state: Parts, viewer: Me, form: str) -> Response:
    """The whole filtered list as a file."""
    _, where, values = read_filters(request)
    sql = f"select {COLUMNS} from fct_orders where {where} order by ordered_at desc, recon_key"
    return download(request, state, viewer, form, Download("orders", sql, values))


def ask_ahead(data: Data) -> None:
    """Ask what the list shows before anybody filters it."""
    data.rows(_page(FIGURED))
    data.value(_count(FIGURED))
    _facets(data)


def _page(where: str) -> str:
    return (
        f"select {COLUMNS}, coalesce(ordered_at, timestamp '1900-01-01') as sort_at "
        f"from fct_orders where {where} order by sort_at desc, recon_key limit {PAGE + 1}"
    )


def _count(where: str) -> str:
    return f"select count(*) as n from fct_orders where {where}"


def _facets(data: Data) -> dict[str, list[str]]:
    names = ("state", "type", "segment", "tier", "currency")
    lists = ", ".join(f"list_sort(list(distinct {FILTERS[name]})) as f_{name}" for name in names)
    row = data.one(f"select {lists} from fct_orders where {FIGURED}") or {}
    return {name: [each for each in row.get(f"f_{name}") or [] if each] for name in names}
