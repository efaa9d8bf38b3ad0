-- Grain: one row per ticket, as the last event that changed its state left it.
-- Trap: what the engine did in a run is known to the next one; resolved says what a person said, not that it is gone.

with ledger_events as (
    select * from {{ ref('stg_ledger__events') }}
),

-- The last event that said how it stands.
last_changes as (
    select
        subject_id as ticket_id,
        max(event_seq) as event_seq
    from ledger_events
    where
        subject_type = 'ticket'
        and ticket_state_code is not null
    group by subject_id
),

final as (
    select
        last_changes.ticket_id,
        ledger_events.ticket_state_code as state_code
    from last_changes
    inner join ledger_events
        on last_changes.event_seq = ledger_events.event_seq
)

select * from final
