-- Grain: one row per recon_key: the state of the order over all its legs.
-- Trap: reconciled says that every leg that is due is settled, not that every leg is due. An order that a gate holds is
-- held_by_gate whatever its legs say; they keep their own states.

with orders as (
    select * from {{ ref('int_orders') }}
),

leg_states as (
    select * from {{ ref('int_leg_states') }}
),

held_orders as (
    -- distinct: several gates may hold one order
    select distinct recon_key
    from {{ ref('int_gate_failures') }}
    where is_held
),

legs_summed_to_orders as (
    select
        recon_key,
        cast(sum(case when status_code = 'exception' then 1 else 0 end) as bigint) as exception_count,
        cast(sum(case when status_code = 'waiting' then 1 else 0 end) as bigint) as waiting_count,
        cast(sum(case when status_code in ('not_due', 'partial') and is_due then 1 else 0 end) as bigint) as late_count,
        cast(sum(case when status_code = 'matched' then 1 else 0 end) as bigint) as matched_count,
        cast(sum(case when status_code = 'void' then 1 else 0 end) as bigint) as void_count,
        {{ money("sum(case when leg_code = 'payment' then residual_amount + open_amount else 0 end)") }}
            as residual_amount,
        max(matched_at) as last_matched_at
    from leg_states
    group by recon_key
),

final as (
    select
        ---------- keys
        orders.recon_key,

        ---------- strings
        case
            when orders.status_code = 'draft' then 'draft'
            when held_orders.recon_key is not null then 'held_by_gate'
            when coalesce(legs_summed_to_orders.exception_count, 0) > 0 then 'exception'
            when orders.status_code in ('cancelled', 'deleted') then 'void'
            when coalesce(legs_summed_to_orders.waiting_count + legs_summed_to_orders.late_count, 0) > 0 then 'open'
            when coalesce(legs_summed_to_orders.matched_count, 0) > 0 then 'reconciled'
            else 'open'
        end as state_code,

        ---------- numerics
        coalesce(legs_summed_to_orders.residual_amount, 0) as residual_amount,

        ---------- timestamps
        legs_summed_to_orders.last_matched_at
    from orders
    left join legs_summed_to_orders
        on orders.recon_key = legs_summed_to_orders.recon_key
    left join held_orders
        on orders.recon_key = held_orders.recon_key
    where not orders.is_test
)

select * from final
