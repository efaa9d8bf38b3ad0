-- Grain: one row per (recon_key, leg_code) that will have to be judged again when its due time passes.
-- Trap: nothing is overdue here yet: the next run looks here for deadlines that time alone has crossed.

with leg_states as (
    select * from {{ ref('int_leg_states') }}
),

final as (
    select
        recon_key,
        leg_code,
        due_at
    from leg_states
    where status_code in ('not_due', 'partial')
        and due_at is not null
)

select * from final
