-- Grain: one row per request that others approved and that the engine put in force, or that holds by broken glass.
-- Trap: a decision holds for the version of the order and the difference that were approved; whoever joins compares
-- both. The order of events is that of event_seq, since clocks can be wrong.

with approval_events as (
    select
        event_seq,
        subject_id as approval_id,
        action_code as event_code,
        actor_id,
        recon_key,
        reason,
        payload,
        occurred_at
    from {{ ref('stg_ledger__events') }}
    where subject_type = 'approval'
        and occurred_at <= {{ as_of() }}
),

requests as (
    select * from approval_events
    where event_code in ('approval_requested', 'glass_broken')
),

courses as (
    select
        approval_id,
        max(case when event_code in ('approval_used', 'glass_broken') then occurred_at end) as in_force_at,
        max(case when event_code in ('approval_used', 'glass_broken', 'approval_completed') then event_seq end)
            as holding_seq,
        max(case when event_code = 'approval_signed' then event_seq end) as signed_seq,
        max(case when event_code = 'override_reviewed' then event_seq end) as reviewed_seq,
        max(case when event_code in ('approval_rejected', 'approval_revoked', 'approval_expired') then 1 else 0 end)
            as is_over
    from approval_events
    group by approval_id
),

final as (
    select
        ---------- keys
        requests.approval_id,
        requests.recon_key,
        {{ json_text('requests.payload', 'tenant') }} as tenant,
        {{ json_text('requests.payload', 'decision.details.match_id') }} as match_id,
        {{ json_text('requests.payload', 'decision.details.exception_id') }} as exception_id,

        ---------- strings
        {{ json_text('requests.payload', 'action_code') }} as action_code,
        {{ json_text('requests.payload', 'decision.details.gate_code') }} as gate_code,
        {{ json_text('requests.payload', 'decision.details.leg_code') }} as leg_code,
        {{ json_text('requests.payload', 'decision.details.order_id') }} as order_id,
        {{ json_text('requests.payload', 'decision.details.period') }} as period_code,
        {{ json_text('requests.payload', 'decision.details.document_ref') }} as document_ref,
        {{ json_text('requests.payload', 'decision.details.document_line') }} as document_line,
        {{ json_text('requests.payload', 'decision.details.source_system') }} as source_system,
        {{ json_text('requests.payload', 'decision.details.side_code') }} as side_code,
        {{ json_text('requests.payload', 'decision.details.value_code') }} as value_code,
        {{ json_text('requests.payload', 'decision.details.members') }} as members_document,
        {{ json_text('requests.payload', 'currency_code') }} as currency_code,
        {{ json_text('requests.payload', 'reason_code') }} as reason_code,
        requests.reason,
        requests.actor_id as requested_by,
        signatures.actor_id as signed_by,

        ---------- numerics
        cast({{ json_text('requests.payload', 'order_version') }} as bigint) as version_no,
        cast({{ json_text('requests.payload', 'amount') }} as decimal(18, 4)) as decided_amount,
        cast({{ json_text('requests.payload', 'decision.details.variance_amount') }} as decimal(18, 4))
            as variance_amount,
        cast({{ json_text('requests.payload', 'decision.details.stated_value') }} as decimal(24, 6)) as stated_value,
        cast({{ json_text('requests.payload', 'decision.details.decided_value') }} as decimal(24, 6)) as decided_value,

        ---------- booleans
        requests.event_code = 'glass_broken' as is_break_glass,
        courses.reviewed_seq is not null as is_reviewed,

        ---------- timestamps
        courses.in_force_at,
        cast({{ json_text('holding.payload', 'holds_until') }} as timestamp) as holds_until
    from requests
    inner join courses
        on requests.approval_id = courses.approval_id
    inner join approval_events as holding
        on courses.holding_seq = holding.event_seq
    left join approval_events as signatures
        on courses.signed_seq = signatures.event_seq
    where courses.in_force_at is not null
        and courses.is_over = 0
        and (
            {{ json_text('holding.payload', 'holds_until') }} is null
            or cast({{ json_text('holding.payload', 'holds_until') }} as timestamp) > {{ as_of() }}
        )
)

select * from final
