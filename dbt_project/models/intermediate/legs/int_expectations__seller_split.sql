-- Grain: one row per order and seller: the gross that the seller's lines come to.
-- Trap: what was refunded of a seller's part is not expected any more; gross is before commission and fees; lines
-- without a seller are the merchant's own and not here. A part finer than the minor unit is stated one way or the
-- other, for the parts have to come to the whole: that is one rounding more.

with order_lines as (
    select * from {{ ref('int_order_lines__current') }}
    where not is_test
        and status_code not in ('draft', 'deleted')
        and seller_id is not null
),

lines_summed_to_sellers as (
    select
        recon_key,
        seller_id,
        tenant,
        source,
        source_system,
        order_id,
        order_type,
        currency_code,
        ordered_on,
        ordered_at,
        {{ money('sum(case when is_due_for_payment then net_amount + shipping_amount else 0 end)') }}
            as expected_amount,
        count(*) as line_count
    from order_lines
    group by
        recon_key, seller_id, tenant, source, source_system, order_id, order_type, currency_code,
        ordered_on, ordered_at
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'seller_split'
),

seller_refunds as (
    select * from {{ ref('int_seller_refunds') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

final as (
    select
        ---------- keys
        'seller_split' as leg_code,
        lines_summed_to_sellers.recon_key || '-' || lines_summed_to_sellers.seller_id as anchor_key,
        lines_summed_to_sellers.recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        lines_summed_to_sellers.seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        lines_summed_to_sellers.tenant,
        lines_summed_to_sellers.source,
        lines_summed_to_sellers.source_system,
        lines_summed_to_sellers.order_id as native_id,

        ---------- strings
        lines_summed_to_sellers.currency_code,
        cast(null as {{ dbt.type_string() }}) as explained_class,

        ---------- numerics
        {{ money('lines_summed_to_sellers.expected_amount - coalesce(seller_refunds.refunded_gross_amount, 0)') }}
            as expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        lines_summed_to_sellers.line_count
        + case
            when lines_summed_to_sellers.expected_amount
                <> {{ rounded_to('lines_summed_to_sellers.expected_amount', 'currencies.exponent') }}
            then 1 else 0
        end as rounding_count,

        ---------- dates
        lines_summed_to_sellers.ordered_on as business_on,

        ---------- timestamps
        {{ plus_hours('lines_summed_to_sellers.ordered_at', 'leg_windows.window_hours') }} as due_at
    from lines_summed_to_sellers
    left join currencies
        on lines_summed_to_sellers.currency_code = currencies.currency_code
    left join seller_refunds
        on lines_summed_to_sellers.recon_key = seller_refunds.recon_key
        and lines_summed_to_sellers.seller_id = seller_refunds.seller_id
    inner join leg_windows
        on lines_summed_to_sellers.order_type = leg_windows.order_type
        and lines_summed_to_sellers.ordered_on >= leg_windows.effective_from
        and lines_summed_to_sellers.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
)

select * from final
