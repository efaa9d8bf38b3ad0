-- Grain: one row per event of the ledger, as far as the run has taken it over.
-- Trap: order by event_seq, never by occurred_at; the events of the run itself come with the next one.

with audit_events as (
    select * from {{ ref('int_audit_events') }}
),

final as (
    select
        ---------- keys
        event_seq,
        subject_type as subject,
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
        occurred_at as changed_at
    from audit_events
)

select * from final
