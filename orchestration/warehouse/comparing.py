"""Two publications side by side: which exceptions and orders differ, and by how much money.

What belongs here: the comparison in SQL. What does not: making either publication.
`orchestration.shadow` imports this, and `orchestration.warehouse.shadow_results` its shapes.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from orchestration.warehouse.connection import literal

BY_CLASS = """
select
    coalesce(before.exception_code, after.exception_code) as exception_code,
    coalesce(before.currency_code, after.currency_code, '') as currency_code,
    count(before.exception_id) as before_count,
    count(after.exception_id) as after_count,
    count(*) filter (where before.exception_id is null) as new_count,
    count(*) filter (where after.exception_id is null) as gone_count,
    cast(coalesce(sum(before.leak_amount), 0) as decimal(18, 4)) as before_amount,
    cast(coalesce(sum(after.leak_amount), 0) as decimal(18, 4)) as after_amount
from before.marts.fct_exceptions as before
full outer join after.marts.fct_exceptions as after
    on before.exception_id = after.exception_id
group by 1, 2
having count(*) filter (where before.exception_id is null or after.exception_id is null) > 0
    or sum(before.leak_amount) is distinct from sum(after.leak_amount)
order by 1, 2
"""
CLASSES_OF_ORDERS = """
select
    recon_key,
    string_agg(distinct exception_code, ' ' order by exception_code) as codes
from {side}.marts.fct_exceptions
where recon_key is not null
group by recon_key
"""
ORDERS = f"""
with codes_before as ({CLASSES_OF_ORDERS.format(side="before")}),
codes_after as ({CLASSES_OF_ORDERS.format(side="after")})
select
    before.tenant,
    before.order_id,
    before.recon_key,
    before.state_code as before_state,
    after.state_code as after_state,
    coalesce(codes_before.codes, '') as before_codes,
    coalesce(codes_after.codes, '') as after_codes,
    before.currency_code,
    before.total_amount,
    before.leak_amount as before_amount,
    after.leak_amount as after_amount
from before.marts.fct_orders as before
inner join after.marts.fct_orders as after
    on before.recon_key = after.recon_key
left join codes_before
    on before.recon_key = codes_before.recon_key
left join codes_after
    on before.recon_key = codes_after.recon_key
where before.state_code <> after.state_code
    or before.leak_amount <> after.leak_amount
    or coalesce(codes_before.codes, '') <> coalesce(codes_after.codes, '')
order by abs(after.leak_amount - before.leak_amount) desc, before.tenant, before.order_id
"""


@dataclass(frozen=True, slots=True)
class ClassChange:
    """What becomes of the exceptions of one class in one currency; amounts are leaks."""

    exception_code: str
    currency_code: str
    before_count: int
    after_count: int
    new_count: int
    gone_count: int
    before_amount: Decimal
    after_amount: Decimal


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order that stands otherwise; codes are its exceptions, parted by blanks."""

    tenant: str
    order_id: str
    recon_key: str
    before_state: str
    after_state: str
    before_codes: str
    after_codes: str
    currency_code: str
    total_amount: Decimal
    before_amount: Decimal
    after_amount: Decimal


def compare_publications(
    before: Path, after: Path
) -> tuple[tuple[ClassChange, ...], tuple[OrderChange, ...]]:
    """Return what differs between two published files, classes by name, orders by money."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(before))} as before (read_only)")
        connection.execute(f"attach {literal(str(after))} as after (read_only)")
        classes = connection.execute(BY_CLASS).fetchall()
        orders = connection.execute(ORDERS).fetchall()
    return tuple(ClassChange(*row) for row in classes), tuple(OrderChange(*row) for row in orders)
