-- Grain: one row per (recon_key, leg_code), or group of no order, that will have to be judged again when its due time passes.
-- Trap: nothing is overdue here yet: the next run looks here for deadlines that time alone has crossed.

with leg_states as (
    select * from {{ ref('int_leg_states') }}
),

-- Groups of no order (a payout) fall due by themselves.
groups_without_order as (
    select
        recon_key,
        leg_code,
        due_at
    from {{ ref('int_match_groups') }}
    where recon_key is null
        and status_code in ('not_due', 'partial')
        and due_at is not null
),

final as (
    select
        recon_key,
        leg_code,
        due_at
    from leg_states
    where status_code in ('not_due', 'partial')
        and due_at is not null
    union all
    select * from groups_without_order
)

select * from final
