-- Grain: one row per ending of an exception, by event_seq; one that came back and ended again has two.
-- Trap: worked_hours runs by the clock of the role that owns it, without pauses: sum it for MTTR; elapsed_hours is the
-- time of the wall. The endings that a run finds are told by the next one.

with endings as (
    select
        event_seq,
        subject_id as exception_id,
        recon_key,
        coalesce({{ json_text('payload', 'tenant') }}, '') as tenant,
        {{ json_text('payload', 'exception_code') }} as exception_code,
        coalesce({{ json_text('payload', 'leg_code') }}, '') as leg_code,
        {{ json_text('payload', 'severity_code') }} as severity_code,
        {{ json_text('payload', 'owner_role') }} as owner_role,
        cast({{ json_text('payload', 'begun_at') }} as timestamp) as begun_at,
        cast({{ json_text('payload', 'worked_seconds') }} as bigint) as worked_seconds,
        occurred_at as ended_at
    from {{ ref('int_audit_events') }}
    where action_code = 'ticket_closed'
        and {{ json_text('payload', 'worked_seconds') }} is not null
),

final as (
    select
        ---------- keys
        event_seq,
        exception_id,
        exception_code,
        recon_key,
        tenant,

        ---------- strings
        leg_code,
        severity_code,
        owner_role,

        ---------- numerics
        {{ shared_amount('worked_seconds', '1', '3600') }} as worked_hours,
        cast({{ hours_between('begun_at', 'ended_at') }} as decimal(18, 4)) as elapsed_hours,

        ---------- timestamps
        begun_at,
        ended_at
    from endings
    where not {{ is_synthetic('tenant') }}
)

select * from final
