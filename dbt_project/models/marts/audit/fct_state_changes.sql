-- Grain: one row per recorded change of state of an order or of an order's leg.
-- Trap: what was known when: a rebuilt warehouse starts its own history.

with synthetic_orders as (
    select recon_key from {{ ref('int_orders') }}
    where is_synthetic
),

state_history as (
    select changes.*
    from {{ ref('int_state_history') }} as changes
    left join synthetic_orders
        on changes.recon_key = synthetic_orders.recon_key
    where synthetic_orders.recon_key is null
),

matching_rules as (
    select
        leg_code,
        max(rule_version) as rule_version
    from {{ ref('matching_rules') }}
    where source = '*'
    group by leg_code
),

final as (
    select
        ---------- keys
        state_history.subject_type as subject,
        state_history.recon_key,
        state_history.leg_code,

        ---------- strings
        state_history.from_code,
        state_history.to_code,
        'engine:run_' || cast(state_history.run_no as {{ dbt.type_string() }}) as actor_id,
        'evidence compared' as reason,

        ---------- numerics
        state_history.run_no,
        coalesce(matching_rules.rule_version, 0) as rule_version,

        ---------- timestamps
        state_history.known_from as changed_at,
        state_history.known_from
    from state_history
    left join matching_rules
        on state_history.leg_code = matching_rules.leg_code
)

select * from final
