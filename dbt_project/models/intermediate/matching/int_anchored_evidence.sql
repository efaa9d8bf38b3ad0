-- Grain: one row per evidence row, as in int_evidence, under the anchor that it is matched by.
-- Trap: is_assigned says that amount, date and text have brought it there, not a key.

with keyed as (
    select * from {{ ref('int_evidence') }}
    where anchor_key is not null
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
        keyed.*,
        false as is_assigned
    from keyed
    union all
    select
        unkeyed.leg_code,
        assigned.anchor_key,
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
        assigned.anchor_key is not null as is_assigned
    from unkeyed
    left join assigned
        on unkeyed.leg_code = assigned.leg_code
        and unkeyed.item_key = assigned.item_key
)

select * from final
