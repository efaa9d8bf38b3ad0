"""The quality targets, R-Q1 to R-Q6: what is promised, what is measured, on how many cases.

What belongs here: the questions to the marts and whether each target is met. What does not: how it
looks. Who may import this is said in `orchestration.reading`; the console asks through its own
limits, so every query names its marts without a schema.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

TIERS = """
    select
        customer_tier,
        sum(due_count) as due_count,
        sum(reconciled_count) as reconciled_count,
        sum(breached_count) as breached_count
    from fct_daily_metrics
    where leg_code = 'order' and metric_on >= $from_on and metric_on <= cast($as_of as date)
        and ($segment = '' or segment = $segment)
        and ($tier = '' or customer_tier = $tier)
    group by customer_tier
    order by customer_tier
"""
MTTR = """
    select
        sum(resolved_count) as resolved_count,
        sum(mttr_hours * resolved_count) / nullif(sum(resolved_count), 0) as mttr_hours
    from fct_daily_metrics
    where leg_code = 'order' and metric_on >= $from_on
        and ($segment = '' or segment = $segment)
        and ($tier = '' or customer_tier = $tier)
"""
# Not closing what is hard must not look good, so what is open stands beside what was closed.
SLOWEST = """
    select quantile_disc(worked_hours, 0.9) as p90_hours
    from fct_resolutions
    inner join fct_orders on fct_resolutions.recon_key = fct_orders.recon_key
    where ended_at >= cast($from_on as date)
        and not fct_orders.is_test
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
"""
OLDEST = """
    select
        count(*) as open_count,
        quantile_disc(date_diff('hour', opened_at, cast($as_of as timestamp)), 0.9) as p90_hours
    from fct_exceptions
    inner join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where not fct_orders.is_test
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
"""
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
    order by order_count desc, order_type
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
    select
        count(*) as case_count,
        count(*) filter (where result_code = 'PASS') as passed_count
    from fct_synthetic_results
    where injected_on = (select max(injected_on) from fct_synthetic_results)
"""
FORECAST = """
    select
        sum(committed_count) as committed_count,
        sum(mean_error_rate * committed_count) / nullif(sum(committed_count), 0) as error_rate
    from fct_forecast_accuracy
    where horizon_code = 'closing'
        and cohort_on >= cast($from_on as date)
        and cohort_on < date_trunc('month', cast($as_of as date))
        and ($segment = '' or segment = $segment)
        and ($tier = '' or customer_tier = $tier)
"""
_MARTS = re.compile(r"\b(from|join) (fct_\w+)")
TARGET_TIER_1 = Decimal("0.98")
TARGET_MTTR_HOURS = 24

Ask = Callable[[str], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Target:
    """One target and how it stands.

    Attributes:
        code: R-Q1 to R-Q6.
        name: What is measured.
        target: What is promised, in words.
        measured: The figure; None where nothing could be measured.
        form: How to write the figure: `percent` (a share from 0 to 1), `hours` or `text`.
        sample_count: How many cases the figure is about.
        is_met: None where nothing could be measured.
        why: What is missing when nothing could be measured.
        beside: What has to be read with the figure, a sentence; empty for nothing.
    """

    code: str
    name: str
    target: str
    measured: Any
    form: str
    sample_count: int
    is_met: bool | None
    why: str
    beside: str = ""


def read_targets(ask: Ask, has: Callable[[str], bool]) -> tuple[Target, ...]:
    """Return every target with its figure.

    Args:
        ask: Answers a query, with `from_on`, `as_of`, `segment` and `tier` bound.
        has: Whether the publication has a mart.
    """
    return (
        _pass_rate(ask),
        _time_to_resolve(ask, has),
        _latency(ask),
        _trail(ask),
        _synthetic(ask, has),
        _forecast(ask, has),
    )


def rate(part: Any, whole: Any) -> Decimal | None:
    """Return a share from 0 to 1, to six digits; None of nothing."""
    if not whole:
        return None
    return (Decimal(part or 0) / Decimal(whole)).quantize(Decimal("0.000001"))


def qualified(sql: str) -> str:
    """The same query for whoever reads the publication itself."""
    return _MARTS.sub(r"\1 marts.\2", sql)


def _pass_rate(ask: Ask) -> Target:
    tier_1 = next((row for row in ask(TIERS) if row["customer_tier"] == "tier_1"), {})
    measured = rate(tier_1.get("reconciled_count"), tier_1.get("due_count"))
    return Target(
        "R-Q1",
        "Pass rate of tier-1 accounts",
        f"above {TARGET_TIER_1 * 100:.0f} %",
        measured,
        "percent",
        int(tier_1.get("due_count") or 0),
        None if measured is None else measured > TARGET_TIER_1,
        "No tier-1 order fell due in this period.",
    )


def _time_to_resolve(ask: Ask, has: Callable[[str], bool]) -> Target:
    row = _one(ask(MTTR))
    slowest = _one(ask(SLOWEST)).get("p90_hours") if has("fct_resolutions") else None
    oldest = _one(ask(OLDEST))
    beside = []
    if slowest is not None:
        beside.append(f"nine of ten within {slowest:,.1f} h")
    if oldest.get("open_count"):
        beside.append(
            f"{oldest['open_count']:,} open, nine of ten of them for less than "
            f"{oldest['p90_hours'] / 24:,.0f} days"
        )
    measured = row.get("mttr_hours")
    return Target(
        "R-Q2",
        "Mean time to resolve an exception",
        f"under {TARGET_MTTR_HOURS} h",
        measured,
        "hours",
        int(row.get("resolved_count") or 0),
        None if measured is None else Decimal(str(measured)) < TARGET_MTTR_HOURS,
        "No exception was resolved in this period.",
        f"{said[0].upper()}{said[1:]}." if (said := "; ".join(beside)) else "",
    )


def _latency(ask: Ask) -> Target:
    types = ask(TYPES)
    late = [row["order_type"] for row in types if row["p95_hours"] > row["target_hours"]]
    measured = f"{len(types) - len(late)} of {len(types)}" if types else None
    return Target(
        "R-Q3",
        "Order types reconciled in time at the 95th percentile",
        "every type",
        measured,
        "text",
        sum(row["order_count"] for row in types),
        not late if types else None,
        "No order was reconciled in this period.",
    )


def _trail(ask: Ask) -> Target:
    row = _one(ask(TRAIL))
    measured = rate(row.get("complete_count"), row.get("order_count"))
    return Target(
        "R-Q4",
        "Reconciled orders with a complete audit trail",
        "100 %",
        measured,
        "percent",
        int(row.get("order_count") or 0),
        None if measured is None else measured == 1,
        "No order is reconciled yet.",
    )


def _synthetic(ask: Ask, has: Callable[[str], bool]) -> Target:
    row = _one(ask(SYNTHETIC)) if has("fct_synthetic_results") else {}
    measured = rate(row.get("passed_count"), row.get("case_count"))
    return Target(
        "R-Q5",
        "Synthetic orders of the last day that came out as expected",
        "every one, daily",
        measured,
        "percent",
        int(row.get("case_count") or 0),
        None if measured is None else measured == 1,
        "None is in this publication: meshline synthetic run sends them.",
    )


def _forecast(ask: Ask, has: Callable[[str], bool]) -> Target:
    row = _one(ask(FORECAST)) if has("fct_forecast_accuracy") else {}
    error = row.get("error_rate")
    measured = None if error is None else Decimal(str(error)).quantize(Decimal("0.000001"))
    return Target(
        "R-Q6",
        "Mean error of what was committed, in months that are over",
        "measured over time",
        measured,
        "percent",
        int(row.get("committed_count") or 0),
        None if measured is None else True,
        "No forecast was committed for a month of this period that is over.",
    )


def _one(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return rows[0] if rows else {}
