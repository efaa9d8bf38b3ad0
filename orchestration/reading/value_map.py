"""The value map (R-D1): which few causes, accounts and orders bring most of the exceptions.

What belongs here: the ranking. What does not: how it looks. Who may import this is said in
`orchestration.reading`.

Causes are ranked by how many exceptions they bring, with the share that they add up to. Accounts
and orders are ranked by what is at stake: their worth, raised by the risk that the customer leaves
(worth x (1 + churn risk)), in each currency for itself: amounts of two are never added.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestration.warehouse.reader import Published

VITAL_SHARE = Decimal("0.8")

CAUSES = """
    with classes as (
        select
            fct_exceptions.exception_code,
            min(fct_exceptions.owner_role) as owner_role,
            count(*) as exception_count,
            count(distinct fct_exceptions.recon_key) as order_count
        from marts.fct_exceptions
        where fct_exceptions.status_code not in ('resolved', 'auto_closed')
        group by fct_exceptions.exception_code
    )

    select
        exception_code,
        owner_role,
        exception_count,
        order_count,
        cast(exception_count as decimal(18, 6)) / sum(exception_count) over () as share_rate,
        cast(sum(exception_count) over (order by exception_count desc, exception_code)
            as decimal(18, 6)) / sum(exception_count) over () as cumulative_rate
    from classes
    order by exception_count desc, exception_code
"""
ACCOUNTS = """
    select
        tenant,
        customer_id,
        currency_code,
        customer_tier,
        segment,
        sales_owner_id,
        churn_risk_rate,
        order_count,
        open_exception_count,
        pass_rate,
        total_amount,
        leak_amount
    from marts.fct_customer_metrics
    where open_exception_count > 0 and customer_id <> ''
    order by currency_code,
        cast(total_amount as decimal(24, 4)) * (1 + coalesce(churn_risk_rate, 0)) desc,
        leak_amount desc, tenant, customer_id
"""
ORDERS = """
    select
        fct_orders.tenant,
        fct_orders.order_id,
        fct_orders.order_type,
        fct_orders.customer_id,
        fct_orders.currency_code,
        fct_orders.total_amount,
        fct_customer_metrics.churn_risk_rate,
        fct_orders.open_exception_count,
        fct_orders.leak_amount
    from marts.fct_orders
    left join marts.fct_customer_metrics
        on fct_orders.tenant = fct_customer_metrics.tenant
        and coalesce(fct_orders.customer_id, '') = fct_customer_metrics.customer_id
        and fct_orders.currency_code = fct_customer_metrics.currency_code
    where fct_orders.open_exception_count > 0
        and not fct_orders.is_test and not fct_orders.is_synthetic
    order by fct_orders.currency_code,
        cast(fct_orders.total_amount as decimal(24, 4))
            * (1 + coalesce(fct_customer_metrics.churn_risk_rate, 0)) desc,
        fct_orders.leak_amount desc, fct_orders.tenant, fct_orders.order_id
"""


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Where to begin.

    Attributes:
        causes: Classes by number of exceptions, with share and shares added up (0 to 1).
        vital_count: How many of the first causes bring 80 % of all exceptions.
        accounts: By currency, the most at stake first; at most `limit` a currency.
        orders: Likewise.
    """

    causes: tuple[dict[str, Any], ...]
    vital_count: int
    accounts: tuple[dict[str, Any], ...]
    orders: tuple[dict[str, Any], ...]


def read_value_map(published: Published, limit: int) -> ValueMap:
    """Return the value map; `limit` is the most accounts and orders of one currency."""
    causes = published.rows(CAUSES)
    reached = [row["cumulative_rate"] >= VITAL_SHARE for row in causes]
    return ValueMap(
        causes,
        reached.index(True) + 1 if any(reached) else len(causes),
        _first_of_each(published.rows(ACCOUNTS), limit),
        _first_of_each(published.rows(ORDERS), limit),
    )


def _first_of_each(rows: tuple[dict[str, Any], ...], limit: int) -> tuple[dict[str, Any], ...]:
    """The first rows of every currency."""
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        seen[row["currency_code"]] = seen.get(row["currency_code"], 0) + 1
        if seen[row["currency_code"]] <= limit:
            kept.append(row)
    return tuple(kept)
