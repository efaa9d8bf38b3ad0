-- Grain: one row per recorded change of state of an order or of an order's leg.
-- Trap: append-only: what was known when. A rebuilt warehouse starts its own history.

{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false,
        on_schema_change='fail',
    )
}}

with state_changes as (
    select * from {{ ref('int_state_changes') }}
),

final as (
    select
        subject_type,
        recon_key,
        leg_code,
        from_code,
        to_code,
        run_no,
        known_from
    from state_changes
)

select * from final
