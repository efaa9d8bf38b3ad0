-- Grain: one row per document that a receiver is known to hold: natural key and content.
-- Trap: known from the ledger as the run took it over: a delivery shows with the next run.

with delivered as (
    -- distinct: a delivery may be told by its answer and found again by a sweep
    select distinct subject_id
    from {{ ref('int_audit_events') }}
    where subject_type = 'intent'
        and action_code in ('intent_delivered', 'intent_found_delivered')
),

released as (
    select
        subject_id,
        {{ json_text('payload', 'natural_key') }} as natural_key,
        {{ json_text('payload', 'payload_hash') }} as content_hash
    from {{ ref('int_audit_events') }}
    where subject_type = 'intent'
        and action_code = 'intent_released'
),

final as (
    -- distinct: an intent may be released more than once
    select distinct
        released.natural_key,
        released.content_hash
    from released
    inner join delivered
        on released.subject_id = delivered.subject_id
)

select * from final
