-- Grain: one row per order and seller whose statement disagrees with the seller's order lines.
-- Trap: gross only: a wrong commission is not seen here.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'seller_split'
        and status_code = 'exception'
),

orders as (
    select
        recon_key,
        order_id,
        source_system
    from {{ ref('int_orders') }}
),

classified as (
    select
        match_groups.*,
        orders.order_id,
        orders.source_system,
        case
            when match_groups.expectation_count = 0 then 'MKT_PAYOUT_EXTRA'
            when match_groups.evidence_count = 0 then 'MKT_PAYOUT_MISSING'
            else 'MKT_SPLIT'
        end as exception_code
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        '' as line_key,
        seller_id as fact_key,
        order_id as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'MKT_PAYOUT_EXTRA' then
                'Seller ' || seller_id || ' is stated with ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ', but has no line on the order.'
            when 'MKT_PAYOUT_MISSING' then
                'No statement gives seller ' || seller_id || ' the ' || {{ amount_text('expected_amount') }} || ' '
                || currency_code || ' of the order, due on '
                || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            else
                'Seller ' || seller_id || ' is stated with ' || {{ amount_text('matched_amount') }} || ' '
                || currency_code || '; the order lines come to ' || {{ amount_text('expected_amount') }} || '.'
        end as explanation,

        ---------- numerics
        {{ money('abs(variance_amount)') }} as leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case when exception_code = 'MKT_PAYOUT_MISSING' then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at) end as opened_at
    from classified
)

select * from final
