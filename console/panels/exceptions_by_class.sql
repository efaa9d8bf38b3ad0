-- Grain: one row a class with something open.
select
    fct_exceptions.exception_code,
    any_value(fct_exceptions.owner_role) as owner_role,
    count(*) as exception_count
from fct_exceptions
left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
where fct_exceptions.status_code not in ('resolved', 'auto_closed')
    and ($segment = '' or fct_orders.segment = $segment)
    and ($tier = '' or fct_orders.customer_tier = $tier)
group by fct_exceptions.exception_code
order by exception_count desc, fct_exceptions.exception_code
