-- Grain: one row an account owner with something open, with the currency that has most at risk.
with by_currency as (
    select
        fct_orders.sales_owner_id,
        fct_exceptions.currency_code,
        count(*) as exception_count,
        count(*) filter (where fct_exceptions.due_at < $as_of) as late_count,
        sum(fct_exceptions.leak_amount) as leak_amount
    from fct_exceptions
    inner join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_exceptions.status_code not in ('resolved', 'auto_closed')
        and fct_orders.sales_owner_id is not null
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
    group by fct_orders.sales_owner_id, fct_exceptions.currency_code
)

select
    sales_owner_id,
    cast(sum(exception_count) as bigint) as exception_count,
    cast(sum(late_count) as bigint) as late_count,
    max(leak_amount) as leak_amount,
    arg_max(currency_code, leak_amount) as currency_code
from by_currency
group by sales_owner_id
order by exception_count desc, sales_owner_id
