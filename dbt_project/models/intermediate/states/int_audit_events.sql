-- Grain: one row per event of the ledger, as far as the run has taken it over.
-- Trap: the events of the run itself come with the next one.

with ledger_events as (
    select * from {{ ref('stg_ledger__events') }}
),

final as (
    select
        ---------- keys
        event_seq,
        subject_type,
        subject_id,
        recon_key,

        ---------- strings
        actor_id,
        actor_role,
        principal_id,
        action_code,
        reason,
        payload,
        prev_hash,
        event_hash,

        ---------- timestamps
        occurred_at
    from ledger_events
)

select * from final
