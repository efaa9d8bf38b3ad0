-- Grain: one row per order with a revenue schedule.
-- Trap: mode_code decides for both sides of the leg: LINES where every schedule line has its order line, else TOTAL.

with orders as (
    select
        recon_key,
        status_code
    from {{ ref('int_orders') }}
),

final as (
    select
        ---------- keys
        schedules.recon_key,

        ---------- strings
        case
            when max(case when orders.status_code in ('cancelled', 'deleted', 'draft') then 1 else 0 end) = 1 then
                'TOTAL'
            when max(case when schedules.line_key is null then 1 else 0 end) = 1 then 'TOTAL'
            else 'LINES'
        end as mode_code,

        ---------- numerics
        count(*) as schedule_count
    from {{ ref('int_revenue_rows__placed') }} as schedules
    inner join orders
        on schedules.recon_key = orders.recon_key
    group by schedules.recon_key
)

select * from final
