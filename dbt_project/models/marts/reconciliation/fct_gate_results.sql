-- Grain: one row per (recon_key, version_no, gate_code).
-- Trap: only current versions are judged; a gate that has nothing to compare with, as the tenant sends no such reference
-- data, has no row. not_run is no pass: the gate broke, and the order is held.

with gate_results as (
    select * from {{ ref('int_gate_results') }}
    where not {{ is_synthetic('tenant') }}
),

final as (
    select
        ---------- keys
        recon_key,
        version_no,
        gate_code,
        tenant,

        ---------- strings
        result_code,
        expected_value,
        actual_value,

        ---------- numerics
        rule_version
    from gate_results
)

select * from final
