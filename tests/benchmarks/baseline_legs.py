"""The legs of the baseline as plain SQL, each one statement over the tables as they were loaded.

What belongs here: what somebody would write by hand for the streams that `meshline generate` makes.
What does not: loading (`baseline`). Amendments, tolerances, calendars, explanations, gates and
exceptions are left out on purpose: they are what the product is for.
"""

from collections.abc import Mapping

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

PAYOUT_LEG = """
create table leg_payout as
select
    seller_statements.order_ref as order_id, seller_statements.seller_id,
    sum(seller_statements.net_amount) as stated_amount,
    sum(
        gross_amount - round(gross_amount * sellers.commission_rate, 2)
        - coalesce(fee_amount, 0) - coalesce(withholding_amount, 0)
    ) as due_amount,
    case
        when orders.order_id is null then 'no_order'
        when abs(sum(
            gross_amount - round(gross_amount * sellers.commission_rate, 2)
            - coalesce(fee_amount, 0) - coalesce(withholding_amount, 0)
            - seller_statements.net_amount
        )) <= 0.01 then 'matched'
        else 'different'
    end as status
from seller_statements
left join sellers on sellers.seller_id = seller_statements.seller_id
left join orders on orders.order_id = seller_statements.order_ref
group by seller_statements.order_ref, seller_statements.seller_id, orders.order_id
"""

INVOICE_LEG = """
create table leg_invoice as
with billed as (
    select
        coalesce(invoice_lines.order_ref, invoices.order_ref) as order_ref,
        invoice_lines.order_line_no,
        sum(case when kind = 'credit_memo' then -invoice_lines.net_amount
            else invoice_lines.net_amount end) as billed_amount
    from invoice_lines
    inner join invoices on invoices.invoice_id = invoice_lines.invoice_id
    where invoices.status in ('open', 'paid') and not coalesce(is_provisional, false)
    group by 1, 2
),
shipped as (
    select order_ref, order_line_no, sum(quantity) as shipped_quantity
    from shipment_lines
    group by order_ref, order_line_no
),
due as (
    select
        order_lines.order_id, order_lines.line_no,
        cast(
            cast(quantity as decimal(15,3)) * cast(unit_price as decimal(18,6))
            - coalesce(order_lines.discount_amount, 0) as decimal(18,4)
        ) as due_amount,
        shipped_quantity
    from order_lines
    inner join orders on orders.order_id = order_lines.order_id
    left join shipped
        on shipped.order_ref = order_lines.order_id
        and shipped.order_line_no = order_lines.line_no
    where orders.status in ('confirmed', 'closed') and not coalesce(orders.is_test, false)
)
select
    coalesce(due.order_id, billed.order_ref) as order_id,
    coalesce(due.line_no, billed.order_line_no) as line_no,
    due_amount, billed_amount,
    case
        when due.order_id is null then 'charge'
        when billed_amount is null then 'missing'
        when due_amount = billed_amount then 'matched'
        when billed_amount < due_amount then 'under'
        else 'over'
    end as status
from due
full join billed on billed.order_ref = due.order_id and billed.order_line_no = due.line_no
"""

SETTLEMENT_LEG = """
create table leg_settlement as
with settled as (
    select payment_ref, type, currency, sum(gross_amount) as settled_amount
    from settlement_lines
    where type in ('payment', 'refund', 'chargeback')
    group by payment_ref, type, currency
),
due as (
    select payment_id, currency, kind,
        case when kind in ('refund', 'chargeback') then -amount else amount end as due_amount
    from payments
    where status = 'succeeded' and method in ('card', 'wallet')
        and kind in ('capture', 'sale', 'refund', 'chargeback')
)
select
    coalesce(due.payment_id, settled.payment_ref) as payment_id, due_amount, settled_amount,
    case
        when due.payment_id is null then 'unattributable'
        when settled_amount is null then 'missing'
        when due_amount = settled_amount then 'matched'
        else 'different'
    end as status
from due
full join settled on settled.payment_ref = due.payment_id and settled.currency = due.currency
"""

BATCH_LEG = """
create table leg_settlement_batch as
with summed as (
    select batch_id, sum(net_amount) as lines_amount
    from settlement_lines
    group by batch_id
)
select
    batch_id, settlement_batches.net_amount as stated_amount, lines_amount,
    case when lines_amount is null then 'no_lines'
        when lines_amount = settlement_batches.net_amount then 'matched'
        else 'different' end as status
from settlement_batches
left join summed using (batch_id)
"""

BANK_LEG = """
create table leg_bank as
with banked as (
    select replace(reference, 'PAYOUT ', '') as trace_id, currency, sum(amount) as banked_amount
    from bank_lines
    group by 1, 2
)
select
    batch_id, net_amount, banked_amount,
    case when batch_id is null then 'unknown'
        when banked_amount is null then 'missing'
        when banked_amount = net_amount then 'matched'
        else 'different' end as status
from settlement_batches
full join banked
    on banked.trace_id = settlement_batches.trace_id
    and banked.currency = settlement_batches.currency
"""

# Each row of these names its order; without defects all of them match, which tests of the
# generator rely on.
ORDER_LEGS: Mapping[str, str] = {
    "leg_payment": PAYMENT_LEG,
    "leg_fulfilment": FULFILMENT_LEG,
    "leg_seller_split": SELLER_LEG,
}
LEGS: Mapping[str, str] = {
    **ORDER_LEGS,
    "leg_payout": PAYOUT_LEG,
    "leg_invoice": INVOICE_LEG,
    "leg_settlement": SETTLEMENT_LEG,
    "leg_settlement_batch": BATCH_LEG,
    "leg_bank": BANK_LEG,
}
