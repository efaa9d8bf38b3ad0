-- Grain: one row per order and gate that its current version fails.
-- Trap: a gate that did not run is no fact about an order: it is told by fct_gate_checks, and the order is held.

with gate_failures as (
    select * from {{ ref('int_gate_failures') }}
    where result_code = 'fail'
),

orders as (
    select
        recon_key,
        source_system
    from {{ ref('int_orders') }}
),

gates as (
    select
        gate_code,
        rule_version,
        gate_label
    from {{ ref('gates') }}
),

final as (
    select
        ---------- keys
        gate_failures.exception_code,
        '' as leg_code,
        gate_failures.tenant,
        gate_failures.recon_key,
        '' as line_key,
        gate_failures.gate_code as fact_key,
        gate_failures.native_ref,
        orders.source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        gate_failures.currency_code,
        gates.gate_label || ' gate: expected ' || gate_failures.expected_value
        || '; found ' || gate_failures.actual_value || '. The order is held.' as explanation,
        gate_failures.leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        gate_failures.at_risk_amount as leak_amount,
        gate_failures.expected_amount as expected_value_amount,
        gate_failures.actual_amount as actual_value_amount,

        ---------- timestamps
        gate_failures.known_from as opened_at
    from gate_failures
    inner join orders
        on gate_failures.recon_key = orders.recon_key
    inner join gates
        on gate_failures.gate_code = gates.gate_code
        and gate_failures.rule_version = gates.rule_version
)

select * from final
