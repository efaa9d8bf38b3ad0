-- Grain: one row a class with money at risk in the chosen currency, the most first.
with classes as (
    select
        fct_exceptions.exception_code,
        fct_exceptions.currency_code,
        sum(fct_exceptions.leak_amount) as leak_amount
    from fct_exceptions
    left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_exceptions.status_code not in ('resolved', 'auto_closed')
        and fct_exceptions.currency_code = $currency
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
    group by fct_exceptions.exception_code, fct_exceptions.currency_code
)

select
    exception_code,
    currency_code,
    leak_amount,
    cast(sum(leak_amount) over (order by leak_amount desc, exception_code) as decimal(18, 6))
        / sum(leak_amount) over () as cumulative_rate
from classes
where leak_amount > 0
order by leak_amount desc, exception_code
