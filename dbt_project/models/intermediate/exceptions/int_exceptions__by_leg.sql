-- Grain: one row per failed group of a leg whose classes are rows of leg_classes.
-- Trap: legs with a family of their own have no row there, and are not here.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where status_code = 'exception'
),

leg_classes as (
    select * from {{ ref('leg_classes') }}
),

legs as (
    select
        leg_code,
        leg_label
    from {{ ref('legs') }}
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
        legs.leg_label,
        orders.order_id,
        orders.source_system,
        case
            when match_groups.expectation_count = 0 then leg_classes.unexpected_code
            when match_groups.evidence_count = 0 then leg_classes.missing_code
            when match_groups.variance_measure < 0 then leg_classes.under_code
            else leg_classes.over_code
        end as exception_code
    from match_groups
    inner join leg_classes
        on match_groups.leg_code = leg_classes.leg_code
    inner join legs
        on match_groups.leg_code = legs.leg_code
    left join orders
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
        anchor_key || ' ' || currency_code as fact_key,
        coalesce(order_id, anchor_key) as native_ref,
        coalesce(source_system, order_source, '') as source_system,
        match_id,

        ---------- strings
        currency_code,
        leg_label || ': expected ' || {{ amount_text('expected_amount') }} || ' ' || currency_code || ', reported '
        || {{ amount_text('matched_amount') }} || '.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('abs(variance_amount)') }} as leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        coalesce(due_at, last_known_at) as opened_at
    from classified
)

select * from final
