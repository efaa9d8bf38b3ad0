-- Grain: one row per ticket that became graver by being late, with the severity that it was raised to.
-- Trap: due times and clocks go by the severity of the exception; this is what people see and are told.

with ledger_events as (
    select * from {{ ref('stg_ledger__events') }}
    where subject_type = 'ticket'
        and action_code = 'ticket_severity_raised'
        and occurred_at <= {{ as_of() }}
),

last_raises as (
    select
        subject_id as ticket_id,
        max(event_seq) as event_seq
    from ledger_events
    group by subject_id
),

final as (
    select
        last_raises.ticket_id,
        {{ json_text('ledger_events.payload', 'raised.raised_severity_code') }} as severity_code
    from last_raises
    inner join ledger_events
        on last_raises.event_seq = ledger_events.event_seq
)

select * from final
