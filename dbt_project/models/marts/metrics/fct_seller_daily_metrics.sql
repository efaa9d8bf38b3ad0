-- Grain: one row per (ordered_on, tenant, seller_id, currency_code, segment, customer_tier, sales_owner_id).
-- Trap: an order with several sellers is counted with each of them: order counts do not add up over sellers. Test,
-- synthetic, draft and void orders are in no figure.

with orders as (
    select
        recon_key,
        version_no,
        cast(ordered_at as date) as ordered_on,
        tenant,
        currency_code,
        segment,
        customer_tier,
        coalesce(sales_owner_id, '') as sales_owner_id
    from {{ ref('fct_orders') }}
    where not is_test
        and not is_synthetic
        and state_code not in ('draft', 'void')
),

lines_summed_to_sellers as (
    select
        recon_key,
        version_no,
        seller_id,
        {{ money('sum(net_amount)') }} as net_amount
    from {{ ref('fct_order_lines') }}
    where seller_id is not null
        and not is_cancelled
    group by recon_key, version_no, seller_id
),

legs_by_order as (
    select
        recon_key,
        max(case when leg_code = 'seller_split' then 1 else 0 end) as has_split,
        max(case when leg_code = 'payout' then 1 else 0 end) as has_payout,
        max(case when leg_code = 'seller_split' and status_code not in ('matched', 'void') then 1 else 0 end)
            as has_split_open,
        max(case when leg_code = 'payout' and status_code not in ('matched', 'void') then 1 else 0 end)
            as has_payout_open
    from {{ ref('fct_order_legs') }}
    where leg_code in ('seller_split', 'payout')
    group by recon_key
),

exceptions_summed_to_orders as (
    select
        recon_key,
        count(*) as exception_count,
        {{ money('sum(leak_amount)') }} as leak_amount
    from {{ ref('fct_exceptions') }}
    where leg_code in ('seller_split', 'payout')
        or family_code = 'marketplace'
    group by recon_key
),

final as (
    select
        ---------- keys
        orders.ordered_on,
        orders.tenant,
        lines_summed_to_sellers.seller_id,
        orders.currency_code,
        orders.segment,
        orders.customer_tier,
        orders.sales_owner_id,

        ---------- numerics
        count(*) as order_count,
        {{ count_if('legs_by_order.has_split = 1') }} as split_count,
        {{ count_if('legs_by_order.has_split = 1 and legs_by_order.has_split_open = 0') }} as split_agreed_count,
        {{ count_if('legs_by_order.has_payout = 1') }} as payout_count,
        {{ count_if('legs_by_order.has_payout = 1 and legs_by_order.has_payout_open = 0') }} as payout_agreed_count,
        cast(sum(coalesce(exceptions_summed_to_orders.exception_count, 0)) as bigint) as exception_count,
        {{ money('sum(lines_summed_to_sellers.net_amount)') }} as net_amount,
        {{ money('sum(coalesce(exceptions_summed_to_orders.leak_amount, 0))') }} as leak_amount
    from lines_summed_to_sellers
    inner join orders
        on lines_summed_to_sellers.recon_key = orders.recon_key
        and lines_summed_to_sellers.version_no = orders.version_no
    left join legs_by_order
        on lines_summed_to_sellers.recon_key = legs_by_order.recon_key
    left join exceptions_summed_to_orders
        on lines_summed_to_sellers.recon_key = exceptions_summed_to_orders.recon_key
    group by
        orders.ordered_on, orders.tenant, lines_summed_to_sellers.seller_id, orders.currency_code, orders.segment,
        orders.customer_tier, orders.sales_owner_id
)

select * from final
