-- Grain: one row per (recon_key, seller_id) of a seller whose part of an order went back to the customer.
-- Trap: a refund is a seller's where the seller's goods came back, where it is exactly one seller's part or the whole
-- order, or where nobody else sold anything; any other refund is nobody's until somebody says so. Lines cancelled before
-- are not part of this: their sellers are due nothing, and what was refunded for them is taken off first.

with refunded_orders as (
    select
        recon_key,
        currency_code,
        refunded_amount
    from {{ ref('int_payment_reversals') }}
    where refunded_amount > 0
),

lines_of_refunded_orders as (
    select
        order_lines.recon_key,
        order_lines.line_key,
        order_lines.seller_id,
        order_lines.is_due_for_payment,
        order_lines.is_cancelled,
        {{ money('order_lines.net_amount + order_lines.shipping_amount') }} as gross_amount,
        {{ money('order_lines.net_amount + order_lines.shipping_amount + order_lines.tax_amount') }} as taxed_amount,
        refunded_orders.refunded_amount
    from {{ ref('int_order_lines__current') }} as order_lines
    inner join refunded_orders
        on order_lines.recon_key = refunded_orders.recon_key
        and order_lines.currency_code = refunded_orders.currency_code
),

cancelled_lines as (
    select
        lines_of_refunded_orders.recon_key,
        {{ money("""
            sum(
                case
                    when int_orders.is_tax_included then lines_of_refunded_orders.gross_amount
                    else lines_of_refunded_orders.taxed_amount
                end
            )
        """) }} as cancelled_amount
    from lines_of_refunded_orders
    inner join {{ ref('int_orders') }} as int_orders
        on lines_of_refunded_orders.recon_key = int_orders.recon_key
    where lines_of_refunded_orders.is_cancelled
        and int_orders.is_due_for_payment
    group by lines_of_refunded_orders.recon_key
),

order_lines as (
    select
        lines_of_refunded_orders.recon_key,
        lines_of_refunded_orders.line_key,
        lines_of_refunded_orders.seller_id,
        lines_of_refunded_orders.gross_amount,
        lines_of_refunded_orders.taxed_amount,
        {{ money("""
            lines_of_refunded_orders.refunded_amount - coalesce(cancelled_lines.cancelled_amount, 0)
        """) }} as refunded_amount
    from lines_of_refunded_orders
    left join cancelled_lines
        on lines_of_refunded_orders.recon_key = cancelled_lines.recon_key
    where lines_of_refunded_orders.seller_id is not null
        and lines_of_refunded_orders.is_due_for_payment
        and lines_of_refunded_orders.refunded_amount > coalesce(cancelled_lines.cancelled_amount, 0)
),

returned_lines as (
    select
        line_key,
        returned_amount
    from {{ ref('int_returned_lines') }}
),

sellers as (
    select
        order_lines.recon_key,
        order_lines.seller_id,
        min(order_lines.refunded_amount) as refunded_amount,
        {{ money('sum(order_lines.gross_amount)') }} as gross_amount,
        {{ money('sum(order_lines.taxed_amount)') }} as taxed_amount,
        {{ money('sum(coalesce(returned_lines.returned_amount, 0))') }} as returned_amount
    from order_lines
    left join returned_lines
        on order_lines.line_key = returned_lines.line_key
    group by order_lines.recon_key, order_lines.seller_id
),

orders_of_the_merchant_too as (
    -- distinct: the merchant may have several lines of its own
    select distinct recon_key
    from lines_of_refunded_orders
    where seller_id is null
        and is_due_for_payment
),

orders as (
    select
        sellers.recon_key,
        count(*) = 1 and max(orders_of_the_merchant_too.recon_key) is null as is_of_one_seller,
        {{ money('sum(sellers.returned_amount)') }} as returned_amount,
        cast(sum(
            case when sellers.refunded_amount in (sellers.gross_amount, sellers.taxed_amount) then 1 else 0 end
        ) as bigint) as sole_seller_count,
        max(case when int_orders.due_amount <= sellers.refunded_amount then 1 else 0 end) as is_whole_order
    from sellers
    inner join {{ ref('int_orders') }} as int_orders
        on sellers.recon_key = int_orders.recon_key
    left join orders_of_the_merchant_too
        on sellers.recon_key = orders_of_the_merchant_too.recon_key
    group by sellers.recon_key
),

attributed as (
    select
        sellers.recon_key,
        sellers.seller_id,
        case
            when orders.returned_amount > 0 then sellers.returned_amount
            when orders.is_whole_order = 1 then sellers.gross_amount
            when orders.sole_seller_count = 1
                and sellers.refunded_amount in (sellers.gross_amount, sellers.taxed_amount)
            then sellers.gross_amount
            when orders.is_of_one_seller and sellers.taxed_amount = sellers.gross_amount
            then least(sellers.refunded_amount, sellers.gross_amount)
            when orders.is_of_one_seller and sellers.refunded_amount < sellers.taxed_amount
            then {{ shared_amount('sellers.gross_amount', 'sellers.refunded_amount', 'sellers.taxed_amount') }}
            when orders.is_of_one_seller then sellers.gross_amount
            else {{ money('0') }}
        end as refunded_gross_amount,
        case
            when orders.returned_amount > 0 then {{ money('0') }}
            when orders.is_whole_order = 1 or orders.sole_seller_count = 1 or orders.is_of_one_seller
            then sellers.refunded_amount
            else {{ money('0') }}
        end as refunded_order_amount
    from sellers
    inner join orders
        on sellers.recon_key = orders.recon_key
),

final as (
    select
        ---------- keys
        recon_key,
        seller_id,

        ---------- numerics
        refunded_gross_amount,
        refunded_order_amount
    from attributed
    where refunded_gross_amount > 0
)

select * from final
