"""Overview: how well orders reconcile, where the risk is, how fresh the data is.

What belongs here: the tiles' questions. What does not: the panels below them (`console/panels/`).
"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.data import Data
from console.pages.panels import PERIODS, Lens, Look, panels_of
from console.receivers import receivers
from console.web.deps import Marts, Parts
from console.web.templating import render
from orchestration.reading.quality import (
    MTTR,
    TARGET_MTTR_HOURS,
    TARGET_TIER_1,
    TIERS,
    rate,
)

router = APIRouter()

LATENCY = """
    select
        count(*) as order_count,
        median(latency_hours) as p50_hours,
        quantile_cont(latency_hours, 0.95) as p95_hours,
        count(*) filter (where reconciled_at <= sla_due_at) as in_time_count
    from fct_orders
    where is_reconciled and latency_hours is not null
        and not is_test and not is_synthetic and not is_zero_value
        and ordered_at >= $from_on
        and ($segment = '' or segment = $segment)
        and ($tier = '' or customer_tier = $tier)
"""
OPEN = """
    select
        count(*) as open_count,
        count(*) filter (where fct_exceptions.due_at < $as_of) as late_count,
        count(*) filter (
            where fct_exceptions.due_at >= $as_of
                and fct_exceptions.due_at < cast($as_of as timestamp) + interval 24 hour
        ) as soon_count,
        count(*) filter (where fct_exceptions.ticket_severity_code = 'critical') as critical_count,
        count(distinct fct_exceptions.recon_key) as order_count
    from fct_exceptions
    left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_exceptions.status_code not in ('resolved', 'auto_closed')
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
"""
MONEY = """
    select
        fct_exceptions.currency_code,
        sum(fct_exceptions.leak_amount) filter (where fct_exceptions.leak_kind = 'loss')
            as loss_amount,
        sum(fct_exceptions.leak_amount) filter (where fct_exceptions.leak_kind = 'owed')
            as owed_amount,
        sum(fct_exceptions.leak_amount) filter (where fct_exceptions.leak_kind = 'timing')
            as timing_amount,
        count(*) as open_count
    from fct_exceptions
    left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_exceptions.currency_code <> '' and fct_exceptions.leak_amount <> 0
        and fct_exceptions.status_code not in ('resolved', 'auto_closed')
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
    group by fct_exceptions.currency_code
    order by open_count desc, fct_exceptions.currency_code
"""
FEEDS = """
    select source, stream, row_count, rejected_row_count, refused_file_count, last_received_at
    from platform_feed_health
    order by last_received_at, source, stream
"""
APART = """
    select
        count(*) filter (where is_zero_value) as zero_count,
        count(*) filter (where is_test or is_synthetic) as test_count
    from fct_orders
"""


@router.get("/overview", name="overview")
def overview(request: Request, state: Parts, data: Marts, lens: Look) -> Response:
    """The first page of most roles."""
    return render(
        request,
        "overview.html",
        page="overview",
        lens=lens,
        periods=PERIODS,
        figures=read_figures(data, lens),
        feeds=data.rows(FEEDS) if data.has("platform_feed_health") else (),
        panels=panels_of(state, data, "overview", lens),
        receivers=receivers(state.desk) if data.viewer.role.rows.sales_owner == "all" else (),
        target_mttr_hours=TARGET_MTTR_HOURS,
        target_rate=TARGET_TIER_1,
    )


def read_figures(data: Data, lens: Lens) -> dict[str, Any]:
    """The tiles: pass rate by tier, latency, time to resolution, what is open and at risk."""
    values = lens.values
    tiers = [
        {**row, "pass_rate": rate(row["reconciled_count"], row["due_count"])}
        for row in data.rows(TIERS, **values)
        if row["due_count"]
    ]
    due = sum(row["due_count"] for row in tiers)
    reconciled = sum(row["reconciled_count"] for row in tiers)
    latency = data.one(LATENCY, **values) or {}
    return {
        "tiers": tiers,
        "due_count": due,
        "reconciled_count": reconciled,
        "pass_rate": rate(reconciled, due),
        "latency": latency,
        "in_time_rate": rate(latency.get("in_time_count"), latency.get("order_count")),
        "mttr": data.one(MTTR, **values) or {},
        "open": data.one(OPEN, **values) or {},
        "money": data.rows(MONEY, **values),
        "apart": data.one(APART) or {},
    }
