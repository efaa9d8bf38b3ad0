-- Grain: one row per expectation, as in int_expectations, under the anchor that it is matched by.
-- Trap: own_anchor_key is the key it was expected under; they differ where one receipt settles several expectations.

with expectations as (
    select * from {{ ref('int_expectations') }}
),

assignments as (
    select * from {{ ref('stg_matching__assignments') }}
    where outcome_code = 'confirmed'
        and side_code = 'expected'
        and expected_count > 1
),

final as (
    select
        expectations.leg_code,
        coalesce(assignments.group_key, expectations.anchor_key) as anchor_key,
        expectations.anchor_key as own_anchor_key,
        assignments.group_key is not null as is_shared,
        expectations.recon_key,
        expectations.line_key,
        expectations.seller_id,
        expectations.period_code,
        expectations.tenant,
        expectations.source,
        expectations.source_system,
        expectations.native_id,
        expectations.currency_code,
        expectations.explained_class,
        expectations.expected_amount,
        expectations.expected_quantity,
        expectations.ceiling_amount,
        expectations.explained_amount,
        expectations.rounding_count,
        expectations.business_on,
        expectations.due_at
    from expectations
    left join assignments
        on expectations.leg_code = assignments.leg_code
        and expectations.anchor_key = assignments.item_key
        and expectations.currency_code = assignments.currency_code
)

select * from final
