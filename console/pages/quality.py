"""Quality: the targets that the system holds itself to, and how it stands against each.

What belongs here: R-Q1 to R-Q6 as one card each. What does not: how the figures are computed where
a mart has them.
"""

from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.data import Data
from console.pages.overview import MTTR, TARGET_MTTR_HOURS, TARGET_TIER_1, TIERS, rate
from console.pages.panels import PERIODS, Lens, Look, panels_of
from console.web.deps import Marts, Parts
from console.web.templating import render

router = APIRouter()
TYPES = """
    select
        order_type,
        count(*) as order_count,
        median(latency_hours) as p50_hours,
        quantile_cont(latency_hours, 0.95) as p95_hours,
        median(date_diff('minute', ordered_at, sla_due_at)) / 60 as target_hours,
        count(*) filter (where reconciled_at <= sla_due_at) as in_time_count
    from fct_orders
    where is_reconciled and latency_hours is not null
        and not is_test and not is_synthetic and not is_zero_value
        and ordered_at >= $from_on
        and ($segment = '' or segment = $segment)
        and ($tier = '' or customer_tier = $tier)
    group by order_type
    order by order_count desc
"""
TRAIL = """
    select
        count(*) as order_count,
        count(*) filter (where recon_key in (
            select recon_key from fct_state_changes
            where subject = 'order' and to_code = 'reconciled'
                and actor_id <> '' and changed_at is not null
        )) as complete_count
    from fct_orders
    where is_reconciled and not is_test and not is_synthetic
"""
SYNTHETIC = """
    select count(*) as order_count, count(*) filter (where is_reconciled) as reconciled_count,
        max(ordered_at) as last_at
    from fct_orders where is_synthetic
"""


@router.get("/quality", name="quality")
def quality(request: Request, state: Parts, data: Marts, lens: Look) -> Response:
    """The page of the quality targets."""
    return render(
        request,
        "quality.html",
        page="quality",
        lens=lens,
        periods=PERIODS,
        targets=read_targets(data, lens),
        types=data.rows(TYPES, **lens.values),
        panels=panels_of(state, data, "quality", lens),
    )


def read_targets(data: Data, lens: Lens) -> list[dict[str, Any]]:
    """One entry a target: id, name, target, measured with its unit, whether it is met.

    `is_met` is None where nothing could be measured; `why` says then what is missing.
    """
    values = lens.values
    first = next(
        (row for row in data.rows(TIERS, **values) if row["customer_tier"] == "tier_1"), None
    )
    pass_rate = rate(first["reconciled_count"], first["due_count"]) if first else None
    mttr = (data.one(MTTR, **values) or {}).get("mttr_hours")
    types = data.rows(TYPES, **values)
    late = [row["order_type"] for row in types if row["p95_hours"] > row["target_hours"]]
    trail = data.one(TRAIL) or {}
    complete = rate(trail.get("complete_count"), trail.get("order_count"))
    synthetic = data.one(SYNTHETIC) or {}
    synthetic_rate = rate(synthetic.get("reconciled_count"), synthetic.get("order_count"))
    return [
        _target(
            "R-Q1",
            "Pass rate of tier-1 accounts",
            f"above {TARGET_TIER_1 * 100:.0f} %",
            pass_rate,
            "percent",
            "No tier-1 order fell due in this period.",
            is_met=None if pass_rate is None else pass_rate > TARGET_TIER_1,
        ),
        _target(
            "R-Q2",
            "Mean time to resolve an exception",
            f"under {TARGET_MTTR_HOURS} h",
            mttr,
            "hours",
            "No exception was resolved in this period.",
            is_met=None if mttr is None else Decimal(str(mttr)) < TARGET_MTTR_HOURS,
        ),
        _target(
            "R-Q3",
            "Order types reconciled in time at the 95th percentile",
            "every type",
            f"{len(types) - len(late)} of {len(types)}" if types else None,
            "text",
            "No order was reconciled in this period.",
            is_met=None if not types else not late,
        ),
        _target(
            "R-Q4",
            "Reconciled orders with a complete audit trail",
            "100 %",
            complete,
            "percent",
            "No order is reconciled yet.",
            is_met=None if complete is None else complete == 1,
        ),
        _target(
            "R-Q5",
            "Synthetic transactions that came out as expected",
            "every one, daily",
            synthetic_rate,
            "percent",
            "None is in this publication: meshline synthetic run sends them.",
            is_met=None if synthetic_rate is None else synthetic_rate == 1,
        ),
        _target(
            "R-Q6",
            "Forecast accuracy",
            "measured over time",
            None,
            "text",
            "The Forecast page shows it once forecasts are landed.",
            is_met=None,
        ),
    ]


def _target(
    code: str, name: str, target: str, measured: Any, form: str, why: str, *, is_met: bool | None
) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "target": target,
        "measured": measured,
        "form": form,
        "is_met": is_met,
        "why": why,
    }
