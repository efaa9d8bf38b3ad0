-- Grain: one row per order line whose shipped quantity disagrees with what was ordered.
-- Trap: the amount is the quantity at the order's unit price: what the difference is worth, not what was billed.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'fulfilment'
        and status_code = 'exception'
),

order_lines as (
    select
        line_key,
        recon_key,
        canonical_line_no,
        sku,
        order_id,
        source_system
    from {{ ref('int_order_lines__current') }}
),

classified as (
    select
        match_groups.*,
        order_lines.canonical_line_no,
        order_lines.order_id,
        order_lines.sku,
        order_lines.source_system,
        case
            when match_groups.variance_measure > 0 then 'FUL_OVER'
            when match_groups.evidence_count = 0 then 'FUL_MISSING'
            else 'FUL_SHORT'
        end as exception_code
    from match_groups
    inner join order_lines
        on match_groups.anchor_key = order_lines.line_key
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        anchor_key as line_key,
        '' as fact_key,
        order_id as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case
            when exception_code = 'FUL_OVER' and is_cancelled then
                'The order is cancelled, but ' || {{ quantity_text('actual_quantity') }} || ' of ' || sku
                || ' (line ' || canonical_line_no || ') left all the same.'
            when exception_code = 'FUL_OVER' then
                'Shipped ' || {{ quantity_text('actual_quantity') }} || ' of ' || sku || ' (line ' || canonical_line_no
                || ') where ' || {{ quantity_text('expected_quantity') }} || ' were ordered.'
            when exception_code = 'FUL_MISSING' then
                'Nothing of line ' || canonical_line_no || ' (' || {{ quantity_text('expected_quantity') }} || ' of '
                || sku || ') is known to have left by ' || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            else
                'Shipped ' || {{ quantity_text('actual_quantity') }}
                || ' of ' || {{ quantity_text('expected_quantity') }}
                || ' of ' || sku || ' (line ' || canonical_line_no || ').'
        end as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('abs(variance_amount)') }} as leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case when exception_code = 'FUL_OVER' then coalesce(last_known_at, due_at)
            else coalesce(due_at, last_known_at)
        end as opened_at
    from classified
)

select * from final
