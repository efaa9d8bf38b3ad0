-- Grain: one row per (ordered_on, tenant, sku, segment, customer_tier, sales_owner_id).
-- Trap: an order with several products is counted with each of them: order counts do not add up over products. Test,
-- synthetic, draft and void orders are in no figure.

with orders as (
    select
        recon_key,
        version_no,
        cast(ordered_at as date) as ordered_on,
        tenant,
        segment,
        customer_tier,
        coalesce(sales_owner_id, '') as sales_owner_id,
        state_code,
        is_reconciled
    from {{ ref('fct_orders') }}
    where not is_test
        and not is_synthetic
        and state_code not in ('draft', 'void')
),

products_of_orders as (
    select
        recon_key,
        version_no,
        coalesce(sku, '') as sku
    from {{ ref('fct_order_lines') }}
    where not is_cancelled
    group by recon_key, version_no, coalesce(sku, '')
),

final as (
    select
        ---------- keys
        orders.ordered_on,
        orders.tenant,
        products_of_orders.sku,
        orders.segment,
        orders.customer_tier,
        orders.sales_owner_id,

        ---------- numerics
        count(*) as order_count,
        {{ count_if('orders.is_reconciled') }} as reconciled_count,
        {{ count_if("orders.state_code = 'exception'") }} as exception_count
    from products_of_orders
    inner join orders
        on products_of_orders.recon_key = orders.recon_key
        and products_of_orders.version_no = orders.version_no
    group by
        orders.ordered_on, orders.tenant, products_of_orders.sku, orders.segment, orders.customer_tier,
        orders.sales_owner_id
)

select * from final
