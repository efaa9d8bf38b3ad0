-- Grain: one row per order, seller and currency that has a statement: the net that its gross, rate and fees give.
-- Trap: a source that states no deductions has no net to check. Whether there must be a statement at all is told by the
-- seller split; fees and withholding are as stated.

with statements_summed_to_sellers as (
    select
        recon_key,
        seller_id,
        tenant,
        currency_code,
        {{ money('sum(expected_net_amount)') }} as expected_amount,
        {{ money('sum(half_even_net_amount)') }} as half_even_amount
    from {{ ref('int_seller_statements__resolved') }}
    where recon_key is not null
        and has_deductions
    group by recon_key, seller_id, tenant, currency_code
),

orders as (
    select
        recon_key,
        source,
        source_system,
        order_id,
        order_type,
        ordered_on,
        ordered_at
    from {{ ref('int_orders') }}
    where not is_test
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'payout'
),

final as (
    select
        ---------- keys
        'payout' as leg_code,
        statements_summed_to_sellers.recon_key || '-' || statements_summed_to_sellers.seller_id as anchor_key,
        statements_summed_to_sellers.recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        statements_summed_to_sellers.seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        statements_summed_to_sellers.tenant,
        orders.source,
        orders.source_system,
        orders.order_id as native_id,

        ---------- strings
        statements_summed_to_sellers.currency_code,
        'ROUNDING_MODE' as explained_class,

        ---------- numerics
        statements_summed_to_sellers.expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        statements_summed_to_sellers.half_even_amount as explained_amount,
        cast(0 as bigint) as rounding_count,

        ---------- dates
        orders.ordered_on as business_on,

        ---------- timestamps
        {{ plus_hours('orders.ordered_at', 'leg_windows.window_hours') }} as due_at
    from statements_summed_to_sellers
    inner join orders
        on statements_summed_to_sellers.recon_key = orders.recon_key
    inner join leg_windows
        on orders.order_type = leg_windows.order_type
        and orders.ordered_on >= leg_windows.effective_from
        and orders.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
)

select * from final
