"""The baseline: what somebody would write by hand in DuckDB to reconcile the same files.

What belongs here: loading the generic extract with explicit types, and the same three legs as plain
SQL, with nothing kept for a second run: no versions, provenance, states, history or publication.
What does not: measuring (`measure`). Runs as its own process:
`python -m tests.benchmarks.baseline --landing DIR --database FILE`.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

TEXT, AMOUNT, RATE, QUANTITY = "varchar", "decimal(18,4)", "decimal(28,12)", "decimal(18,6)"
MOMENT, DAY, FLAG = "timestamptz", "date", "boolean"

# Every column in the order of the generated files; what is not named here is text.
TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        ("total_amount", "discount_amount", "shipping_amount", "tax_amount", "tip_amount",
         "net_amount", "amount", "gross_amount", "commission_amount", "fee_amount",
         "fee_tax_amount", "withholding_amount", "credit_limit", "approval_limit"), AMOUNT),
    **dict.fromkeys(("unit_price", "rate"), RATE),
    **dict.fromkeys(("churn_risk", "commission_rate"), "decimal(9,6)"),
    "quantity": QUANTITY,
    **dict.fromkeys(
        ("ordered_at", "updated_at", "occurred_at", "issued_at", "shipped_at", "delivered_at",
         "closed_at", "posted_at", "paid_at"), MOMENT),
    **dict.fromkeys(
        ("effective_on", "ends_on", "due_on", "service_start_on", "service_end_on", "start_on",
         "end_on", "valid_from", "valid_to", "value_on", "payout_on", "rate_on"), DAY),
    **dict.fromkeys(
        ("tax_included", "is_test", "is_provisional", "is_return", "quantity_is_delta"), FLAG),
}  # fmt: skip

PAYMENT_LEG = """
create table leg_payment as
with received as (
    select
        order_ref, currency,
        sum(case
            when kind in ('capture', 'sale', 'gift_card', 'store_credit', 'chargeback_reversal',
                          'refund_failed') then amount
            when kind in ('refund', 'chargeback') then -amount
            else 0
        end) as received_amount,
        sum(amount) filter (where kind in ('capture', 'sale', 'gift_card', 'store_credit'))
            as captured_amount,
        sum(amount) filter (where kind = 'refund') as refunded_amount,
        count(*) as payment_count
    from payments
    where status = 'succeeded'
    group by order_ref, currency
),
due as (
    select
        order_id, currency,
        case when status = 'cancelled' then 0 else total_amount end as due_amount, status
    from orders
    where status <> 'draft' and not coalesce(is_test, false)
)
select
    coalesce(due.order_id, received.order_ref) as order_id,
    coalesce(due.currency, received.currency) as currency,
    due_amount, coalesce(received_amount, 0) as received_amount,
    coalesce(due_amount, 0) - coalesce(received_amount, 0) as open_amount,
    case
        when due.order_id is null then 'no_order'
        when due_amount = coalesce(received_amount, 0) then 'matched'
        when refunded_amount > captured_amount then 'refund_exceeds'
        when status = 'cancelled' then 'refund_missing'
        when coalesce(received_amount, 0) = 0 then 'missing'
        when received_amount < due_amount then 'short'
        else 'over'
    end as status
from due
full join received on received.order_ref = due.order_id and received.currency = due.currency
"""

FULFILMENT_LEG = """
create table leg_fulfilment as
with shipped as (
    select
        shipment_lines.order_ref, shipment_lines.order_line_no,
        sum(case when is_return then -quantity else quantity end) as shipped_quantity
    from shipment_lines
    inner join shipments on shipments.shipment_id = shipment_lines.shipment_id
    where shipments.status in ('shipped', 'delivered')
    group by shipment_lines.order_ref, shipment_lines.order_line_no
),
due as (
    select order_lines.order_id, order_lines.line_no, order_lines.quantity as due_quantity
    from order_lines
    inner join orders on orders.order_id = order_lines.order_id
    inner join products on products.sku = order_lines.sku
    where products.fulfilment = 'ship' and orders.status in ('confirmed', 'closed')
        and not coalesce(orders.is_test, false)
)
select
    coalesce(due.order_id, shipped.order_ref) as order_id,
    coalesce(due.line_no, shipped.order_line_no) as line_no,
    due_quantity, coalesce(shipped_quantity, 0) as shipped_quantity,
    case
        when due.order_id is null then 'no_order'
        when due_quantity = shipped_quantity then 'matched'
        when shipped_quantity is null then 'missing'
        when shipped_quantity < due_quantity then 'short'
        else 'over'
    end as status
from due
full join shipped
    on shipped.order_ref = due.order_id and shipped.order_line_no = due.line_no
"""

SELLER_LEG = """
create table leg_seller_split as
with stated as (
    select order_ref, seller_id, sum(gross_amount) as stated_amount
    from seller_statements
    group by order_ref, seller_id
),
due as (
    select
        order_lines.order_id, order_lines.seller_id,
        cast(sum(
            cast(quantity as decimal(15,3)) * cast(unit_price as decimal(18,6))
            - coalesce(order_lines.discount_amount, 0)
        ) as decimal(18,4)) as due_amount
    from order_lines
    inner join orders on orders.order_id = order_lines.order_id
    where seller_id is not null and orders.status in ('confirmed', 'closed')
        and not coalesce(orders.is_test, false)
    group by order_lines.order_id, order_lines.seller_id
)
select
    coalesce(due.order_id, stated.order_ref) as order_id,
    coalesce(due.seller_id, stated.seller_id) as seller_id,
    due_amount, stated_amount,
    case
        when due.order_id is null then 'no_order'
        when stated_amount is null then 'missing'
        when due_amount = stated_amount then 'matched'
        else 'different'
    end as status
from due
full join stated on stated.order_ref = due.order_id and stated.seller_id = due.seller_id
"""
LEGS: Mapping[str, str] = {
    "leg_payment": PAYMENT_LEG,
    "leg_fulfilment": FULFILMENT_LEG,
    "leg_seller_split": SELLER_LEG,
}


def header(path: Path) -> list[str]:
    """Return the column names of a CSV file."""
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\n").split(",")


def typed_scan(path: Path, *, keep_rejects: bool = True) -> str:
    """Return a `read_csv` of the file that guesses nothing; unreadable rows go beside or fail."""
    columns = ", ".join(f"'{name}': '{TYPES.get(name, TEXT)}'" for name in header(path))
    rejects = "store_rejects=true, " if keep_rejects else ""
    return (
        f"read_csv('{path}', header=true, auto_detect=false, delim=',', quote='\"', escape='\"', "
        f"new_line='\\n', nullstr='', {rejects}columns={{{columns}}})"
    )


def reconcile(landing: Path, database: Path, threads: int, memory_mb: int) -> dict[str, object]:
    """Load every stream and compute the legs into `database`; return seconds and row counts."""
    begun = time.perf_counter()
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"set threads = {threads}")
        connection.execute(f"set memory_limit = '{memory_mb}MiB'")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        rows = 0
        for path in sorted((landing / "generic").glob("*.csv")):
            connection.execute(f"create table {path.stem} as select * from {typed_scan(path)}")
            counted = connection.execute(f"select count(*) from {path.stem}").fetchone()
            rows += counted[0] if counted else 0
        loaded = time.perf_counter()
        found: dict[str, dict[str, int]] = {}
        for leg, sql in LEGS.items():
            connection.execute(sql)
            found[leg] = dict(
                connection.execute(
                    f"select status, count(*) from {leg} group by status order by status"
                ).fetchall()
            )
    done = time.perf_counter()
    return {
        "rows": rows,
        "load_seconds": round(loaded - begun, 2),
        "legs_seconds": round(done - loaded, 2),
        "legs": found,
    }


def main() -> int:
    """Run once and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landing", type=Path, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-mb", type=int, default=4096)
    wanted = parser.parse_args()
    found = reconcile(wanted.landing, wanted.database, wanted.threads, wanted.memory_mb)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
