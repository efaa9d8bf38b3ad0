-- Grain: one row a product that is on an order with an exception.
select
    sku,
    cast(sum(order_count) as bigint) as order_count,
    cast(sum(exception_count) as bigint) as exception_count,
    cast(sum(reconciled_count) as decimal(18, 6)) / sum(order_count) as pass_rate
from fct_product_daily_metrics
where sku <> '' and ordered_on >= $from_on
    and ($segment = '' or segment = $segment)
    and ($tier = '' or customer_tier = $tier)
group by sku
having sum(exception_count) > 0
order by exception_count desc, sku
