-- Grain: one row per expectation, as in int_expectations, under the anchor that it is matched by.
-- Trap: own_anchor_key is the key it was expected under; they differ where one receipt settles several expectations.
-- expected_amount is what is compared: a decision in force may have replaced what the documents state (stated_amount).

with expectations as (
    select * from {{ ref('int_expectations') }}
),

assignments as (
    select * from {{ ref('stg_matching__assignments') }}
    where outcome_code = 'confirmed'
        and side_code = 'expected'
        and expected_count > 1
),

-- What people have put together: only a match of several expectations takes them away from their own anchors.
manual_members as (
    -- distinct: an anchor may have several expectations
    select distinct
        leg_code,
        own_anchor_key,
        currency_code,
        anchor_key
    from {{ ref('int_manual_members') }}
    where side_code = 'expected'
        and expected_count > 1
),

decided_values as (
    select * from {{ ref('int_decided_values') }}
    where side_code = 'expected'
),

final as (
    select
        expectations.leg_code,
        coalesce(manual_members.anchor_key, assignments.group_key, expectations.anchor_key) as anchor_key,
        expectations.anchor_key as own_anchor_key,
        manual_members.anchor_key is not null or assignments.group_key is not null as is_shared,
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
        case
            when decided_values.value_code = 'amount' then {{ money('decided_values.decided_value') }}
            else expectations.expected_amount
        end as expected_amount,
        case
            when decided_values.value_code = 'quantity' then {{ quantity('decided_values.decided_value') }}
            else expectations.expected_quantity
        end as expected_quantity,
        expectations.ceiling_amount,
        expectations.explained_amount,
        expectations.rounding_count,
        expectations.business_on,
        expectations.due_at,
        expectations.expected_amount as stated_amount,
        expectations.expected_quantity as stated_quantity,
        decided_values.approval_id as decided_by_id
    from expectations
    left join assignments
        on expectations.leg_code = assignments.leg_code
        and expectations.anchor_key = assignments.item_key
        and expectations.currency_code = assignments.currency_code
    left join manual_members
        on expectations.leg_code = manual_members.leg_code
        and expectations.anchor_key = manual_members.own_anchor_key
        and expectations.currency_code = manual_members.currency_code
    left join decided_values
        on expectations.leg_code = decided_values.leg_code
        and expectations.anchor_key = decided_values.anchor_key
        and expectations.currency_code = decided_values.currency_code
        and expectations.native_id = decided_values.native_id
        and coalesce(expectations.line_key, '') = decided_values.line_no
)

select * from final
