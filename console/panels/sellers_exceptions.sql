-- Grain: one row an open exception of sellers.
select
    fct_exceptions.exception_id,
    fct_exceptions.exception_code,
    fct_exceptions.ticket_severity_code as severity_code,
    fct_exceptions.native_ref,
    fct_exceptions.assignee_id,
    fct_exceptions.leak_amount,
    fct_exceptions.currency_code,
    fct_exceptions.due_at
from fct_exceptions
left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
where (fct_exceptions.leg_code in ('seller_split', 'payout') or fct_exceptions.family_code = 'marketplace')
    and fct_exceptions.status_code not in ('resolved', 'auto_closed')
    and ($tier = '' or fct_orders.customer_tier = $tier)
order by fct_exceptions.due_at, fct_exceptions.exception_id
