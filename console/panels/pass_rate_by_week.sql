-- Grain: one row a week with orders due.
select
    cast(date_trunc('week', metric_on) as date) as week_on,
    sum(due_count) as due_count,
    sum(reconciled_count) as reconciled_count,
    cast(sum(reconciled_count) as decimal(18, 6)) / sum(due_count) as pass_rate
from fct_daily_metrics
where leg_code = 'order' and metric_on >= $from_on and metric_on <= cast($as_of as date)
    and ($segment = '' or segment = $segment)
    and ($tier = '' or customer_tier = $tier)
group by 1
having sum(due_count) > 0
order by 1
