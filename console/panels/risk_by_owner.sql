-- Grain: one row an account owner with something open; the money is that of the chosen currency.
select
    fct_orders.sales_owner_id,
    count(*) as exception_count,
    count(*) filter (where fct_exceptions.due_at < $as_of) as late_count,
    coalesce(
        sum(fct_exceptions.leak_amount) filter (where fct_exceptions.currency_code = $currency), 0
    ) as leak_amount,
    $currency as currency_code
from fct_exceptions
inner join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
where fct_exceptions.status_code not in ('resolved', 'auto_closed')
    and fct_orders.sales_owner_id is not null
    and ($segment = '' or fct_orders.segment = $segment)
    and ($tier = '' or fct_orders.customer_tier = $tier)
group by fct_orders.sales_owner_id
order by exception_count desc, fct_orders.sales_owner_id
