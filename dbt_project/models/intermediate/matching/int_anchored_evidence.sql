-- Grain: one row per evidence row, as in int_evidence, under the anchor that it is matched by.
-- Trap: is_assigned says that amount, date and text, or a decision by hand, have brought it there, not a key.
-- actual_amount is what is compared: a decision in force may have replaced what the document states (stated_amount).

with manual_members as (
    select * from {{ ref('int_manual_members') }}
    where side_code = 'actual'
),

decided_values as (
    select * from {{ ref('int_decided_values') }}
    where side_code = 'actual'
),

keyed as (
    select * from {{ ref('int_evidence') }}
    where anchor_key is not null
),

-- What has a key goes with its expectation where that is settled in common with others.
shared_expectations as (
    select
        leg_code,
        item_key,
        currency_code,
        group_key
    from {{ ref('stg_matching__assignments') }}
    where outcome_code = 'confirmed'
        and side_code = 'expected'
        and expected_count > 1
),

-- The key to join on is made beforehand: with conditions beside it a join looks at every pair.
unkeyed as (
    select
        evidence.*,
        case
            when not evidence.is_test and (evidence.leg_code <> 'payment' or evidence.line_no is null)
            then {{ evidence_item_key('evidence.source', 'evidence.stream', 'evidence._row_key') }}
        end as item_key
    from {{ ref('int_evidence') }} as evidence
    where evidence.anchor_key is null
),

assignments as (
    select * from {{ ref('stg_matching__assignments') }}
    where outcome_code = 'confirmed'
        and side_code = 'actual'
),

assigned_groups as (
    select * from {{ ref('int_assigned_groups') }}
),

assigned as (
    select
        assignments.leg_code,
        assignments.item_key,
        assigned_groups.anchor_key
    from assignments
    inner join assigned_groups
        on assignments.leg_code = assigned_groups.leg_code
        and assignments.group_key = assigned_groups.group_key
        and assignments.currency_code = assigned_groups.currency_code
),

final as (
    select
        keyed.leg_code,
        coalesce(manual_members.anchor_key, shared_expectations.group_key, keyed.anchor_key) as anchor_key,
        keyed.recon_key,
        keyed.tenant,
        keyed.source,
        keyed.stream,
        keyed.source_system,
        keyed.native_id,
        keyed.line_no,
        keyed.order_ref,
        keyed.seller_id,
        keyed.ref_status,
        keyed.kind_code,
        keyed.currency_code,
        case
            when decided_values.value_code = 'amount' then {{ money('decided_values.decided_value') }}
            else keyed.actual_amount
        end as actual_amount,
        case
            when decided_values.value_code = 'quantity' then {{ quantity('decided_values.decided_value') }}
            else keyed.actual_quantity
        end as actual_quantity,
        keyed.instalment_count,
        keyed.event_at,
        keyed.known_at,
        keyed._row_key,
        keyed.is_test,
        manual_members.anchor_key is not null as is_assigned,
        keyed.actual_amount as stated_amount,
        keyed.actual_quantity as stated_quantity,
        decided_values.approval_id as decided_by_id
    from keyed
    left join manual_members
        on keyed.leg_code = manual_members.leg_code
        and keyed.source = manual_members.source
        and keyed.stream = manual_members.stream
        and keyed._row_key = manual_members._row_key
        and coalesce(keyed.line_no, '') = manual_members.line_no
    left join shared_expectations
        on keyed.leg_code = shared_expectations.leg_code
        and keyed.anchor_key = shared_expectations.item_key
        and keyed.currency_code = shared_expectations.currency_code
    left join decided_values
        on keyed.leg_code = decided_values.leg_code
        and keyed.source = decided_values.source
        and keyed.stream = decided_values.stream
        and keyed._row_key = decided_values._row_key
        and coalesce(keyed.line_no, '') = decided_values.line_no
    union all
    select
        unkeyed.leg_code,
        coalesce(manual_members.anchor_key, assigned.anchor_key) as anchor_key,
        unkeyed.recon_key,
        unkeyed.tenant,
        unkeyed.source,
        unkeyed.stream,
        unkeyed.source_system,
        unkeyed.native_id,
        unkeyed.line_no,
        unkeyed.order_ref,
        unkeyed.seller_id,
        unkeyed.ref_status,
        unkeyed.kind_code,
        unkeyed.currency_code,
        unkeyed.actual_amount,
        unkeyed.actual_quantity,
        unkeyed.instalment_count,
        unkeyed.event_at,
        unkeyed.known_at,
        unkeyed._row_key,
        unkeyed.is_test,
        manual_members.anchor_key is not null or assigned.anchor_key is not null as is_assigned,
        unkeyed.actual_amount as stated_amount,
        unkeyed.actual_quantity as stated_quantity,
        cast(null as {{ dbt.type_string() }}) as decided_by_id
    from unkeyed
    left join manual_members
        on unkeyed.leg_code = manual_members.leg_code
        and unkeyed.source = manual_members.source
        and unkeyed.stream = manual_members.stream
        and unkeyed._row_key = manual_members._row_key
        and coalesce(unkeyed.line_no, '') = manual_members.line_no
    left join assigned
        on unkeyed.leg_code = assigned.leg_code
        and unkeyed.item_key = assigned.item_key
)

select * from final
