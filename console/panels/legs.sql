-- Grain: one row a leg with something due.
select
    leg_code,
    cast(sum(due_count) as bigint) as due_count,
    cast(sum(exception_count) as bigint) as exception_count,
    cast(sum(reconciled_count) as decimal(18, 6)) / sum(due_count) as matched_rate
from fct_daily_metrics
where leg_code <> 'order' and metric_on >= $from_on and metric_on <= cast($as_of as date)
    and ($segment = '' or segment = $segment)
    and ($tier = '' or customer_tier = $tier)
group by leg_code
having sum(due_count) > 0
order by matched_rate, leg_code
