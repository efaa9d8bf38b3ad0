-- Grain: one row a class with something open, the most frequent first; the first twenty.
with classes as (
    select
        fct_exceptions.exception_code,
        count(*) as exception_count,
        count(distinct fct_exceptions.recon_key) as order_count
    from fct_exceptions
    left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_exceptions.status_code not in ('resolved', 'auto_closed')
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
    group by fct_exceptions.exception_code
)

select
    row_number() over (order by exception_count desc, exception_code) as rank_no,
    exception_code,
    exception_count,
    order_count,
    cast(exception_count as decimal(18, 6)) / sum(exception_count) over () as share_rate,
    cast(sum(exception_count) over (order by exception_count desc, exception_code)
        as decimal(18, 6)) / sum(exception_count) over () as cumulative_rate
from classes
order by rank_no
limit 20
