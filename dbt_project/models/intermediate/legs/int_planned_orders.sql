-- Grain: one row per order with planned billing periods in its own currency.
-- Trap: mode_code decides for both sides of the leg: LINES where every plan has its line, else TOTAL.

with orders as (
    select
        recon_key,
        currency_code
    from {{ ref('int_orders') }}
),

final as (
    select
        ---------- keys
        plans.recon_key,

        ---------- strings
        case
            when max(case when plans.line_key is null then 1 else 0 end) = 1 then 'TOTAL'
            else 'LINES'
        end as mode_code,

        ---------- numerics
        count(*) as plan_count,
        {{ money('sum(plans.net_amount)') }} as net_amount
    from {{ ref('int_billing_plan_rows__placed') }} as plans
    inner join orders
        on plans.recon_key = orders.recon_key
        and plans.currency_code = orders.currency_code
    group by plans.recon_key
)

select * from final
