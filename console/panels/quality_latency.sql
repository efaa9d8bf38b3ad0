-- Grain: one row a week in which orders were placed that are reconciled.
select
    cast(date_trunc('week', ordered_at) as date) as week_on,
    count(*) as order_count,
    median(latency_hours) as median_hours,
    quantile_cont(latency_hours, 0.95) as p95_hours
from fct_orders
where is_reconciled and latency_hours is not null
    and not is_test and not is_synthetic and not is_zero_value
    and ordered_at >= $from_on
    and ($segment = '' or segment = $segment)
    and ($tier = '' or customer_tier = $tier)
group by 1
order by 1
