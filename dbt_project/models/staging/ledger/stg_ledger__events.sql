-- Grain: one row per event of the ledger.
-- Trap: the order is that of event_seq; clocks can be wrong.

with source_rows as (
    select * from {{ source('ledger', 'ledger_events') }}
    where observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        seq as event_seq,
        subject_type,
        subject_id,
        recon_key,

        ---------- strings
        actor_id,
        actor_role,
        principal_id,
        action as action_code,
        reason,
        payload,
        prev_hash,
        hash as event_hash,
        ticket_state_code,
        ticket_assignee_id,

        ---------- booleans
        sets_assignee,

        ---------- timestamps
        occurred_at
    from source_rows
)

select * from final
