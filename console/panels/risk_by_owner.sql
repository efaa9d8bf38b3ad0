-- Grain: one row an account owner and currency with something open; the chosen currency first.
select
    fct_orders.sales_owner_id,
    count(*) as exception_count,
    count(*) filter (where fct_exceptions.due_at < $as_of) as late_count,
    sum(fct_exceptions.leak_amount) as leak_amount,
    fct_exceptions.currency_code
from fct_exceptions
inner join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
where fct_exceptions.status_code not in ('resolved', 'auto_closed')
    and fct_orders.sales_owner_id is not null
    and ($segment = '' or fct_orders.segment = $segment)
    and ($tier = '' or fct_orders.customer_tier = $tier)
group by fct_orders.sales_owner_id, fct_exceptions.currency_code
order by fct_exceptions.currency_code = $currency desc, exception_count desc, leak_amount desc, fct_orders.sales_owner_id
