-- Grain: one row per order and seller whose statement disagrees with the seller's order lines; one row per order
-- where the parts are wrong but their sum is right: that is one mistake in sharing, not one a seller.
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

-- Two or more sellers are off and the differences cancel out: the order was shared wrongly.
shared_wrongly as (
    select
        recon_key,
        currency_code,
        min(match_id) as first_match_id,
        count(*) as seller_count,
        {{ money('sum(case when variance_amount > 0 then variance_amount else 0 end)') }} as moved_amount,
        {{ money('sum(expected_amount)') }} as shared_amount
    from match_groups
    where expectation_count > 0
        and evidence_count > 0
    group by recon_key, currency_code
    having count(*) > 1
        and sum(variance_amount) = 0
),

classified as (
    select
        match_groups.*,
        shared_wrongly.seller_count,
        shared_wrongly.moved_amount,
        shared_wrongly.shared_amount,
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
    left join shared_wrongly
        on match_groups.recon_key = shared_wrongly.recon_key
        and match_groups.currency_code = shared_wrongly.currency_code
        and match_groups.expectation_count > 0
        and match_groups.evidence_count > 0
    where shared_wrongly.recon_key is null
        or match_groups.match_id = shared_wrongly.first_match_id
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        '' as line_key,
        case when seller_count is null then seller_id else 'shared' end || ' ' || currency_code as fact_key,
        order_id as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case
            when exception_code = 'MKT_PAYOUT_EXTRA' then
                'Seller ' || seller_id || ' is stated with ' || {{ amount_text('matched_amount') }}
                || ' ' || currency_code || ', but has no line on the order.'
            when exception_code = 'MKT_PAYOUT_MISSING' then
                'No statement gives seller ' || seller_id || ' the ' || {{ amount_text('expected_amount') }} || ' '
                || currency_code || ' of the order, due on '
                || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            when seller_count is not null then
                {{ amount_text('moved_amount') }} || ' ' || currency_code
                || ' of ' || {{ amount_text('shared_amount') }}
                || ' went to the wrong seller: the parts of ' || cast(seller_count as {{ dbt.type_string() }})
                || ' sellers differ from their lines, their sum is right.'
            else
                'Seller ' || seller_id || ' is stated with ' || {{ amount_text('matched_amount') }} || ' '
                || currency_code || '; the order lines come to ' || {{ amount_text('expected_amount') }} || '.'
        end as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        case when seller_count is null then {{ money('abs(variance_amount)') }} else moved_amount end as leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case when exception_code = 'MKT_PAYOUT_MISSING' then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at)
        end as opened_at
    from classified
)

select * from final
