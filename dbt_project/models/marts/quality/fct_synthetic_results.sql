-- Grain: one row per (injected_on, case_id): what came of a synthetic order.
-- Trap: PASS says that the system found what it had to find, not that the order is reconciled.

with outcomes as (
    select * from {{ ref('int_synthetic_outcomes') }}
),

final as (
    select
        ---------- keys
        injected_on,
        case_id,
        recon_key,

        ---------- strings
        family_code,
        title,
        expected_codes,
        actual_codes,
        expected_state,
        actual_state,
        result_code
    from outcomes
)

select * from final
