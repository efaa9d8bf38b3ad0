-- Grain: one row per run, suite and expectation of the Great Expectations gates, as known before publishing.
-- Trap: evaluated_count is of the rows that were new in that run.

with validation_results as (
    select * from {{ ref('int_gate_checks') }}
),

final as (
    select
        ---------- keys
        run_no,
        gate_code,
        suite,
        expectation,

        ---------- strings
        severity_code,

        ---------- numerics
        evaluated_count,
        unexpected_count,

        ---------- booleans
        is_success
    from validation_results
)

select * from final
