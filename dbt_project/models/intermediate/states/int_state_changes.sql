-- Grain: one row per subject (an order, or an order's leg) whose state differs from the last one recorded.
-- Trap: these are proposals of this run: an illegal one fails its test, and then nothing is recorded.

{{ config(materialized='view') }}

{%- set history = stored_relation('states', 'int_state_history') %}

with leg_states as (
    select
        'leg' as subject_type,
        recon_key,
        leg_code,
        status_code as to_code
    from {{ ref('int_leg_states') }}
),

order_states as (
    select
        'order' as subject_type,
        recon_key,
        '' as leg_code,
        state_code as to_code
    from {{ ref('int_order_states') }}
),

current_states as (
    select * from leg_states
    union all
    select * from order_states
),

recorded_states as (
    {%- if history %}
    select
        subject_type,
        recon_key,
        leg_code,
        max_by(to_code, run_no) as from_code
    from {{ history }}
    group by subject_type, recon_key, leg_code
    {%- else %}
    select
        subject_type,
        recon_key,
        leg_code,
        '' as from_code
    from current_states
    where false
    {%- endif %}
),

final as (
    select
        ---------- keys
        current_states.subject_type,
        current_states.recon_key,
        current_states.leg_code,

        ---------- strings
        coalesce(recorded_states.from_code, '') as from_code,
        current_states.to_code,

        ---------- numerics
        cast({{ var('run_no') }} as bigint) as run_no,

        ---------- timestamps
        {{ as_of() }} as known_from
    from current_states
    left join recorded_states
        on current_states.subject_type = recorded_states.subject_type
        and current_states.recon_key = recorded_states.recon_key
        and current_states.leg_code = recorded_states.leg_code
    where recorded_states.from_code is null
        or recorded_states.from_code <> current_states.to_code
)

select * from final
