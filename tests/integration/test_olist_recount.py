"""Olist reconciled by Meshline, and counted again straight from the CSV files by other SQL.

The recount shares nothing with the product: no model, no macro, no seed. What is due is price and
freight of the items, what was received is the sum of the payments. An order that was called off and
keeps money owes it back, with items or without: that goes before all other classes.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.olist

# A cent of rounding for two items, five centavos that are let pass, instalments from two on.
RECOUNT = """
create temp table recounted as
with orders as (
    select order_id, order_status from read_csv('{olist}/olist_orders_dataset.csv',
        header = true, all_varchar = true)
),
items as (
    select order_id, count(*) as items,
        sum(cast(price as decimal(18, 2)) + cast(freight_value as decimal(18, 2))) as due
    from read_csv('{olist}/olist_order_items_dataset.csv', header = true, all_varchar = true)
    group by order_id
),
payments as (
    select order_id, sum(cast(payment_value as decimal(18, 2))) as received,
        max(cast(payment_installments as integer)) as instalments
    from read_csv('{olist}/olist_order_payments_dataset.csv', header = true, all_varchar = true)
    group by order_id
),
compared as (
    select order_id, order_status, items, due, received, instalments,
        received - due as difference,
        order_status in ('canceled', 'unavailable') as is_off
    from orders left join items using (order_id) left join payments using (order_id)
)
select order_id, order_status, coalesce(due, 0) as due, coalesce(received, 0) as received,
    items is not null as has_items, received is not null as has_payments,
    case
        when items is null and received is null then 'neither items nor payments'
        when is_off and received > 0 then 'off and paid'
        when is_off and received is null then 'off and not paid'
        when items is null and received = 0 then 'equal to the cent'
        when items is null then 'payments without items'
        when received is null then 'items without payments'
        when difference = 0 then 'equal to the cent'
        when abs(difference) * 200 <= items then 'rounding'
        when difference > 0 and instalments >= 2 then 'over with instalments'
        when abs(difference) * 20 <= 1 then 'tolerance'
        when difference > 0 then 'over without instalments'
        else 'under'
    end as class
from compared
"""

# The same words for what the marts say of the payment leg.
PUBLISHED = """
create temp table published as
select orders.order_id, orders.total_amount as due, coalesce(legs.matched_amount, 0) as received,
    orders.has_lines as has_items,
    orders.recon_key in (
        select recon_key from marts.fct_match_members where leg_code = 'payment' and side = 'actual'
    ) as has_payments,
    case
        when legs.recon_key is null and not orders.has_lines then 'neither items nor payments'
        when exceptions.exception_code = 'PAY_UNAPPLIED' and not orders.has_lines
            then 'payments without items'
        when legs.status_code = 'void' then 'off and not paid'
        when exceptions.exception_code = 'PAY_REFUND_MISSING' then 'off and paid'
        when exceptions.exception_code = 'PAY_MISSING' then 'items without payments'
        when exceptions.exception_code in ('PAY_OVER', 'PAY_DUPLICATE')
            then 'over without instalments'
        when exceptions.exception_code = 'PAY_SHORT' then 'under'
        when legs.status_code = 'matched' and exceptions.exception_code is null
            then case legs.residual_class
                when 'NONE' then 'equal to the cent'
                when 'ROUNDING' then 'rounding'
                when 'TOLERANCE' then 'tolerance'
                when 'INSTALMENT_INTEREST' then 'over with instalments'
            end
    end as class
from marts.fct_orders as orders
left join marts.fct_order_legs as legs
    on orders.recon_key = legs.recon_key and legs.leg_code = 'payment'
left join marts.fct_exceptions as exceptions
    on orders.recon_key = exceptions.recon_key and exceptions.leg_code = 'payment'
where orders.source = 'olist'
"""


@pytest.fixture(scope="module")
def books(olist_extracts, olist_run) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open what the run published, with the recount beside it."""
    home, said = olist_run
    assert said.exit_code == 0, said.stderr
    published = home / "serving" / "current.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        connection.execute(RECOUNT.format(olist=olist_extracts))
        connection.execute(PUBLISHED)
        yield connection


def totals(connection, table: str, *groups: str) -> dict[tuple, tuple]:
    """Number of orders, what is due and what was received, by group."""
    named = ", ".join(groups)
    rows = connection.execute(
        f"select {named}, count(*), sum(due), sum(received) from {table} group by {named}"
    ).fetchall()
    return {row[: len(groups)]: row[len(groups) :] for row in rows}


def test_every_class_has_the_number_and_the_sums_of_the_recount(books):
    recounted = totals(books, "recounted", "class")
    assert len(recounted) >= 8, "the extracts are not those that this test is made for"
    assert totals(books, "published", "class") == recounted


def test_every_order_is_in_the_class_of_the_recount(books):
    different = books.execute(
        "select order_id, recounted.class, published.class from recounted"
        " full outer join published using (order_id)"
        " where recounted.class is distinct from published.class"
        " or recounted.due is distinct from published.due"
        " or recounted.received is distinct from published.received"
    ).fetchall()
    assert different == []


def test_every_status_has_the_number_and_the_sums_of_the_recount(books):
    recounted = totals(
        books,
        "(select *, case when order_status = 'delivered' then 'closed'"
        " when order_status in ('canceled', 'unavailable') then 'cancelled'"
        " else 'confirmed' end as status from recounted)",
        "status",
        "class",
    )
    published = totals(
        books,
        "(select published.*, order_status_code as status from published"
        " inner join marts.fct_orders using (order_id))",
        "status",
        "class",
    )
    assert published == recounted


def test_orders_without_items_and_without_payments_are_those_of_the_recount(books):
    published = totals(books, "published", "has_items", "has_payments")
    assert len(published) >= 3
    assert published == totals(books, "recounted", "has_items", "has_payments")


def test_surplus_is_interest_exactly_where_the_payment_rows_show_instalments(books):
    """The surplus of all orders in instalments is what the marts show as residual of that class."""
    (recounted,) = books.execute(
        "select sum(due - received) from recounted where class = 'over with instalments'"
    ).fetchone()
    published = books.execute(
        "select sum(residual_amount) from marts.fct_order_legs"
        " where residual_class = 'INSTALMENT_INTEREST' and status_code = 'matched'"
    ).fetchone()
    assert published == (recounted,)


def test_money_at_risk_is_that_of_the_recount(books):
    published = dict(
        books.execute(
            "select exception_code, sum(leak_amount) from marts.fct_exceptions"
            " where leg_code = 'payment' and recon_key is not null group by all"
        ).fetchall()
    )
    at_risk = {
        "PAY_SHORT": "class = 'under'",
        "PAY_MISSING": "class = 'items without payments'",
        "PAY_UNAPPLIED": "class = 'payments without items'",
        "PAY_REFUND_MISSING": "class = 'off and paid'",
    }
    for code, condition in at_risk.items():
        column = "received" if code in {"PAY_UNAPPLIED", "PAY_REFUND_MISSING"} else "due - received"
        (expected,) = books.execute(
            f"select sum({column}) from recounted where {condition}"
        ).fetchone()
        assert published.get(code) == expected, code
    over = published.get("PAY_OVER", 0) + published.get("PAY_DUPLICATE", 0)
    (expected,) = books.execute(
        "select sum(received - due) from recounted where class = 'over without instalments'"
    ).fetchone()
    assert over == expected


def test_every_part_of_every_seller_is_found(books, olist_extracts):
    """Number of sellers' parts and their sums, by recount of the items."""
    recounted = books.execute(
        "select count(distinct (order_id, seller_id)),"
        " sum(cast(price as decimal(18, 2)) + cast(freight_value as decimal(18, 2)))"
        f" from read_csv('{olist_extracts}/olist_order_items_dataset.csv', header = true,"
        " all_varchar = true)"
    ).fetchone()
    published = books.execute(
        "select count(*), sum(matched_amount) from marts.fct_matches"
        " where leg_code = 'seller_split'"
    ).fetchone()
    assert published == recounted


@pytest.mark.parametrize(
    ("stream", "file", "amount"),
    [
        ("orders", "olist_orders_dataset.csv", "0"),
        ("order_items", "olist_order_items_dataset.csv", "price"),
        ("order_payments", "olist_order_payments_dataset.csv", "payment_value"),
        ("customers", "olist_customers_dataset.csv", "0"),
        ("products", "olist_products_dataset.csv", "0"),
        ("sellers", "olist_sellers_dataset.csv", "0"),
    ],
)
def test_every_row_of_every_file_is_accounted_for(books, olist_extracts, stream, file, amount):
    path = Path(olist_extracts) / file
    recounted = books.execute(
        f"select count(*), sum(cast({amount} as decimal(18, 2)))"
        f" from read_csv('{path}', header = true, all_varchar = true)"
    ).fetchone()
    published = books.execute(
        "select sum(row_count), sum(amount) from marts.fct_source_accounting"
        " where source = 'olist' and stream = ?",
        [stream],
    ).fetchone()
    assert published == recounted
