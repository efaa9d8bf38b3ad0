"""When each feed came last, what is open by class, what share agrees: for who watches over them.

What belongs here: questions to the published marts that cost milliseconds. What does not: what
is late (`seeds/policies/alert_channels.yml`). Who may import this is said in
`orchestration.reading`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orchestration.reading.summary import COUNTED, SHARE
from orchestration.warehouse.reader import Published

LAST = """
    select
        source,
        stream,
        max(observed_at) as last_received_at
    from marts.fct_files
    where rows_read > 0
    group by source, stream
    order by source, stream
"""
LATENCY = f"""
    select
        quantile_disc(fct_orders.latency_hours, 0.5) as p50_hours,
        quantile_disc(fct_orders.latency_hours, 0.95) as p95_hours
    from marts.fct_orders
    where {COUNTED} and fct_orders.is_reconciled and fct_orders.latency_hours is not null
"""
MTTR = """
    select
        cast(
            sum(mttr_hours * resolved_count) / nullif(sum(resolved_count), 0) as decimal(18, 1)
        ) as mttr_hours
    from marts.fct_daily_metrics
    where leg_code = 'order'
"""
CLASSES = """
    select
        fct_exceptions.exception_code,
        count(*) as exception_count,
        count(*) filter (where fct_exceptions.due_at < ?) as late_count,
        fct_exceptions.owner_role,
        coalesce(fct_exceptions.currency_code, '') as currency_code,
        coalesce(sum(abs(fct_exceptions.leak_amount)), 0) as leak_amount
    from marts.fct_exceptions
    group by
        fct_exceptions.exception_code, fct_exceptions.owner_role, fct_exceptions.currency_code
    order by fct_exceptions.exception_code, leak_amount desc, currency_code
"""
ACCOUNTS = """
    select
        fct_exceptions.exception_code,
        fct_orders.customer_id,
        count(*) as exception_count,
        max(abs(fct_exceptions.leak_amount)) as largest_amount
    from marts.fct_exceptions
    inner join marts.fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_orders.customer_id is not null
    group by fct_exceptions.exception_code, fct_orders.customer_id
    qualify row_number() over (
        partition by fct_exceptions.exception_code
        order by sum(abs(fct_exceptions.leak_amount)) desc nulls last, fct_orders.customer_id
    ) <= 5
    order by fct_exceptions.exception_code, largest_amount desc nulls last, fct_orders.customer_id
"""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """How reconciliation goes, in a few figures; None where nothing was measured.

    Attributes:
        pass_rate: Reconciled among due orders, 0 to 1 with four digits.
        p50_hours: Half of the reconciled orders took no longer from being ordered to agreeing.
        p95_hours: 95 of 100 of them took no longer.
        mttr_hours: Mean time from an exception's opening to its end.
    """

    pass_rate: Decimal | None
    p50_hours: Decimal | None = None
    p95_hours: Decimal | None = None
    mttr_hours: Decimal | None = None


def last_received(published: Published) -> Mapping[str, datetime]:
    """Return when each feed came last, by `<source>/<stream>`, aware UTC."""
    if "fct_files" not in published.tables:
        return {}
    return {
        f"{row['source']}/{row['stream']}": row["last_received_at"].replace(tzinfo=UTC)
        for row in published.rows(LAST)
    }


def day_figures(published: Published) -> DayFigures:
    """Return what agrees, how long that took, and how long differences lasted."""
    (row,) = published.rows(SHARE)
    share = None
    if row["due_count"]:
        share = Decimal(row["reconciled_count"]) / Decimal(row["due_count"])
    if not {"fct_orders", "fct_daily_metrics"} <= set(published.tables):
        return DayFigures(share and share.quantize(Decimal("0.0001")))
    (latency,) = published.rows(LATENCY)
    (mttr,) = published.rows(MTTR)
    return DayFigures(
        share and share.quantize(Decimal("0.0001")),
        latency["p50_hours"],
        latency["p95_hours"],
        mttr["mttr_hours"],
    )


def class_figures(published: Published) -> Mapping[str, Mapping[str, Any]]:
    """Return by class what is open: how many, how many late, money at risk, the worst accounts.

    Amounts are texts with their currency, never added across currencies; accounts are ids.
    """
    found: dict[str, dict[str, Any]] = {}
    if not {"fct_exceptions", "fct_orders"} <= set(published.tables):
        return found
    for row in published.rows(CLASSES, [published.as_of.replace(tzinfo=None)]):
        figures = found.setdefault(
            row["exception_code"],
            {"open": 0, "late": 0, "money_at_risk": {}, "owners": [], "worst_accounts": []},
        )
        figures["open"] += row["exception_count"]
        figures["late"] += row["late_count"]
        if row["leak_amount"]:
            sums = figures["money_at_risk"]
            before = Decimal(sums.get(row["currency_code"], "0"))
            sums[row["currency_code"]] = f"{before + row['leak_amount']:f}"
        if row["owner_role"] not in figures["owners"]:
            figures["owners"].append(row["owner_role"])
    for row in published.rows(ACCOUNTS):
        found[row["exception_code"]]["worst_accounts"].append(row["customer_id"])
    return found
