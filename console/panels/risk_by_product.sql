-- Grain: one row a product that is on an order with an exception.
with skus as (
    select distinct fct_order_lines.recon_key, fct_order_lines.sku
    from fct_order_lines
    inner join fct_orders
        on fct_order_lines.recon_key = fct_orders.recon_key
        and fct_order_lines.version_no = fct_orders.version_no
    where fct_order_lines.sku is not null and not fct_order_lines.is_cancelled
)

select
    skus.sku,
    count(*) as order_count,
    count(*) filter (where fct_orders.state_code = 'exception') as exception_count,
    cast(count(*) filter (where fct_orders.is_reconciled) as decimal(18, 6)) / count(*) as pass_rate
from skus
inner join fct_orders on skus.recon_key = fct_orders.recon_key
where not fct_orders.is_test and not fct_orders.is_synthetic
    and fct_orders.state_code not in ('draft', 'void')
    and fct_orders.ordered_at >= $from_on
    and ($segment = '' or fct_orders.segment = $segment)
    and ($tier = '' or fct_orders.customer_tier = $tier)
group by skus.sku
having count(*) filter (where fct_orders.state_code = 'exception') > 0
order by exception_count desc, skus.sku
