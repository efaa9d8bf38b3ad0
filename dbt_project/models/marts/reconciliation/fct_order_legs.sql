-- Grain: one row per (recon_key, leg_code).
-- Trap: expected = matched + open + residual, exactly; amounts of different legs say different things: never add them.

with leg_states as (
    select * from {{ ref('int_leg_states') }}
),

orders as (
    select
        recon_key,
        tenant
    from {{ ref('int_orders') }}
    where not is_synthetic
),

final as (
    select
        ---------- keys
        leg_states.recon_key,
        leg_states.leg_code,
        orders.tenant,

        ---------- strings
        leg_states.status_code,
        leg_states.match_kind,
        leg_states.residual_class,
        leg_states.currency_code,

        ---------- numerics
        leg_states.expected_amount,
        leg_states.matched_amount,
        leg_states.open_amount,
        leg_states.residual_amount,

        ---------- booleans
        leg_states.is_due,
        leg_states.is_due and leg_states.status_code in ('exception', 'waiting') and leg_states.matched_at is null
            as is_overdue,

        ---------- timestamps
        leg_states.due_at,
        leg_states.matched_at
    from leg_states
    inner join orders
        on leg_states.recon_key = orders.recon_key
)

select * from final
