"""The pilot report: a segment and a period against the period before, for a leader to read.

What belongs here: its figures and the self-contained page. What does not: the route and the command
that ask for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from console import formats
from console.charts import draw, dressed
from console.data import Data
from console.panel_files import Panel
from console.vocabulary import SEGMENTS, Vocabulary
from orchestration.core.errors import UsageRefused

SHORTEST_DAYS, LONGEST_DAYS = 7, 366
# A picture is read as one, with the words of its figure; its parts say nothing alone.
_PARTS = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
DUE = """
    select sum(due_count) as due_count, sum(reconciled_count) as reconciled_count,
        sum(resolved_count) as resolved_count,
        sum(mttr_hours * resolved_count) / nullif(sum(resolved_count), 0) as mttr_hours
    from fct_daily_metrics
    where leg_code = 'order' and metric_on between $from_on and $to_on
        and ($segment = '' or segment = $segment)
"""
LATENCY = """
    select count(*) as order_count, median(latency_hours) as p50_hours,
        quantile_cont(latency_hours, 0.95) as p95_hours,
        count(*) filter (where reconciled_at <= sla_due_at) as in_time_count
    from fct_orders
    where is_reconciled and latency_hours is not null and not is_test and not is_synthetic
        and not is_zero_value and cast(ordered_at as date) between $from_on and $to_on
        and ($segment = '' or segment = $segment)
"""
COMMITTED = """
    select currency_code, count(*) as order_count, sum(total_amount) as booked_amount,
        coalesce(sum(total_amount) filter (where is_reconciled), 0) as reconciled_amount
    from fct_orders
    where not is_test and not is_synthetic and not is_zero_value
        and state_code not in ('draft', 'void')
        and cast(ordered_at as date) between $from_on and $to_on
        and ($segment = '' or segment = $segment)
    group by currency_code order by order_count desc, currency_code
"""
CAUSES = """
    select fct_exceptions.exception_code, fct_exceptions.currency_code, count(*) as exception_count,
        sum(fct_exceptions.leak_amount) as leak_amount
    from fct_exceptions
    inner join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where cast(fct_orders.ordered_at as date) between $from_on and $to_on
        and ($segment = '' or fct_orders.segment = $segment)
    group by all order by exception_count desc, exception_code, currency_code limit 10
"""
WEEKS = """
    select cast(date_trunc('week', metric_on) as date) as week_on, sum(due_count) as due_count,
        sum(reconciled_count) as reconciled_count,
        cast(sum(reconciled_count) as decimal(18, 6)) / sum(due_count) as pass_rate
    from fct_daily_metrics
    where leg_code = 'order' and metric_on between $before_on and $to_on
        and ($segment = '' or segment = $segment)
    group by 1 having sum(due_count) > 0 order by 1
"""
# A month counts in the period in which it ended.
FORECAST = """
    select sum(committed_count) as committed_count,
        sum(mean_error_rate * committed_count) / nullif(sum(committed_count), 0) as error_rate
    from fct_forecast_accuracy
    where horizon_code = 'closing'
        and cast(cohort_on + interval 1 month - interval 1 day as date) between $from_on and $to_on
        and ($segment = '' or segment = $segment)
"""
LAST_DAY = """
    select max(metric_on) as day from fct_daily_metrics
    where leg_code = 'order' and due_count > 0 and metric_on <= cast($as_of as date)
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is about; both days are in it, and the baseline is as long and ends before.

    Attributes:
        segment: One segment, or "" for all.
        from_on: First day.
        to_on: Last day.
    """

    segment: str
    from_on: date
    to_on: date

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.to_on - self.from_on).days + 1

    @property
    def baseline(self) -> "Scope":
        """The period before."""
        first = self.from_on - timedelta(days=self.days)
        return Scope(self.segment, first, self.from_on - timedelta(days=1))

    @property
    def values(self) -> dict[str, Any]:
        """What the queries bind."""
        return {"segment": self.segment, "from_on": self.from_on, "to_on": self.to_on}


def choose_scope(data: Data, segment: str, from_text: str, to_text: str) -> Scope:
    """Return what was asked for; without days, the last 30 in which orders fell due.

    Raises:
        UsageRefused: A day is no day, they are the wrong way round, or too many or few.
    """
    as_of = data.published.as_of.replace(tzinfo=None)
    last = data.value(LAST_DAY, as_of=as_of) or as_of.date()
    try:
        to_on = date.fromisoformat(to_text) if to_text else last
        from_on = date.fromisoformat(from_text) if from_text else to_on - timedelta(days=29)
    except ValueError as error:
        raise UsageRefused("Give days as 2026-06-30.") from error
    if segment not in {"", "enterprise", "commerce", "marketplace"}:
        raise UsageRefused(f"There is no segment {segment}: enterprise, commerce or marketplace.")
    scope = Scope(segment, from_on, to_on)
    if from_on.year < 1980 or not SHORTEST_DAYS <= scope.days <= LONGEST_DAYS:
        raise UsageRefused(
            f"A pilot covers {SHORTEST_DAYS} to {LONGEST_DAYS} days; 30 to 60 are usual."
        )
    return scope


def read_pilot(data: Data, scope: Scope) -> dict[str, Any]:
    """Return the figures of a report: those of the period, those of the baseline, the causes."""
    return {
        "scope": scope,
        "period": _figures(data, scope),
        "baseline": _figures(data, scope.baseline),
        "causes": data.rows(CAUSES, **scope.values),
        "committed": data.rows(COMMITTED, **scope.values),
        "weeks": data.rows(
            WEEKS, segment=scope.segment, before_on=scope.baseline.from_on, to_on=scope.to_on
        ),
        "run_no": data.published.run_no,
        "as_of": data.published.as_of,
        "title": f"Pilot report: {SEGMENTS.get(scope.segment, 'All segments')}",
    }


def render_report(
    environment: Environment, words: Vocabulary, panel: Panel, report: Mapping[str, Any], css: str
) -> str:
    """Return a page that needs nothing but itself, and prints on two sheets."""
    weeks = report["weeks"]
    picture = _PARTS.sub("", dressed(draw(panel, weeks, "wide"), "light")) if weeks else ""
    return environment.get_template("pilot_report.html").render(
        **report,
        picture=Markup(picture),  # noqa: S704, drawn by us of numbers and days
        css=Markup(css),  # noqa: S704, our own file
        label=words.label,
        money=lambda amount, currency: (
            f"{formats.money(amount, currency, words.exponents)} {currency}"
        ),
        change=change,
    )


def change(now: Any, before: Any, form: str) -> str:
    """How much a figure moved, in words; empty where one of the two is missing."""
    if now is None or before is None:
        return ""
    gap = Decimal(str(now)) - Decimal(str(before))
    if form == "percent":
        return f"{gap * 100:+.1f} points".replace("-", formats.MINUS)
    return f"{'+' if gap > 0 else ''}{formats.hours(gap)}".replace("-", formats.MINUS)


def _figures(data: Data, scope: Scope) -> dict[str, Any]:
    due = data.one(DUE, **scope.values) or {}
    latency = data.one(LATENCY, **scope.values) or {}
    committed = data.rows(COMMITTED, **scope.values)
    booked = sum(row["order_count"] for row in committed)
    forecast = data.one(FORECAST, **scope.values) if data.has("fct_forecast_accuracy") else None
    forecast = forecast or {}
    return {
        "due_count": due.get("due_count") or 0,
        "pass_rate": _rate(due.get("reconciled_count"), due.get("due_count")),
        "resolved_count": due.get("resolved_count") or 0,
        "mttr_hours": due.get("mttr_hours"),
        "p50_hours": latency.get("p50_hours"),
        "p95_hours": latency.get("p95_hours"),
        "in_time_rate": _rate(latency.get("in_time_count"), latency.get("order_count")),
        "ready_rate": _rate(latency.get("order_count"), booked),
        "forecast_count": forecast.get("committed_count") or 0,
        "forecast_error_rate": forecast.get("error_rate"),
    }


def _rate(part: Any, whole: Any) -> Decimal | None:
    return None if not whole else Decimal(int(part or 0)) / Decimal(int(whole))
