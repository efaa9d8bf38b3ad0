-- Grain: one row per ticket that somebody has, as of the last event that gave it to somebody.
-- Trap: a ticket that was given back has no row.

with ledger_events as (
    select * from {{ ref('stg_ledger__events') }}
),

-- The last event that said who has it, whatever it said.
last_givings as (
    select
        subject_id as ticket_id,
        max(event_seq) as event_seq
    from ledger_events
    where
        subject_type = 'ticket'
        and sets_assignee
    group by subject_id
),

final as (
    select
        last_givings.ticket_id,
        ledger_events.ticket_assignee_id as assignee_id
    from last_givings
    inner join ledger_events
        on last_givings.event_seq = ledger_events.event_seq
    where ledger_events.ticket_assignee_id is not null
)

select * from final
