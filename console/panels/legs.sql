-- Grain: one row a leg with something due.
select
    fct_order_legs.leg_code,
    count(*) as due_count,
    count(*) filter (where fct_order_legs.status_code = 'exception') as exception_count,
    cast(count(*) filter (where fct_order_legs.status_code in ('matched', 'void')) as decimal(18, 6))
        / count(*) as matched_rate
from fct_order_legs
inner join fct_orders on fct_order_legs.recon_key = fct_orders.recon_key
where fct_order_legs.is_due and not fct_orders.is_test and not fct_orders.is_synthetic
    and fct_orders.ordered_at >= $from_on
    and ($segment = '' or fct_orders.segment = $segment)
    and ($tier = '' or fct_orders.customer_tier = $tier)
group by fct_order_legs.leg_code
order by matched_rate, fct_order_legs.leg_code
