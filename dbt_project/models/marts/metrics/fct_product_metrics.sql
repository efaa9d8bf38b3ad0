-- Grain: one row per (tenant, sku, currency_code).
-- Trap: an order with several products is counted with each of them: order counts do not add up over products.

with orders as (
    select
        recon_key,
        version_no,
        tenant,
        currency_code,
        state_code,
        is_reconciled
    from {{ ref('fct_orders') }}
    where not is_test
        and not is_synthetic
        and state_code not in ('draft', 'void')
),

lines_summed_to_orders as (
    select
        order_lines.recon_key,
        order_lines.version_no,
        coalesce(order_lines.sku, '') as sku,
        {{ money('sum(order_lines.net_amount)') }} as net_amount
    from {{ ref('fct_order_lines') }} as order_lines
    where not order_lines.is_cancelled
    group by order_lines.recon_key, order_lines.version_no, coalesce(order_lines.sku, '')
),

final as (
    select
        ---------- keys
        orders.tenant,
        lines_summed_to_orders.sku,
        orders.currency_code,

        ---------- numerics
        count(*) as order_count,
        {{ count_if('orders.is_reconciled') }} as reconciled_count,
        {{ count_if("orders.state_code = 'exception'") }} as exception_count,
        {{ rate_of(count_if('orders.is_reconciled'), 'count(*)') }} as pass_rate,
        {{ money('sum(lines_summed_to_orders.net_amount)') }} as net_amount
    from lines_summed_to_orders
    inner join orders
        on lines_summed_to_orders.recon_key = orders.recon_key
        and lines_summed_to_orders.version_no = orders.version_no
    group by orders.tenant, lines_summed_to_orders.sku, orders.currency_code
)

select * from final
