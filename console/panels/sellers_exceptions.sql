-- Grain: one row an open exception of sellers.
select
    exception_id, exception_code, ticket_severity_code as severity_code, native_ref, assignee_id, leak_amount,
    currency_code, due_at
from fct_exceptions
where (leg_code in ('seller_split', 'payout') or family_code = 'marketplace')
    and status_code not in ('resolved', 'auto_closed')
order by due_at, exception_id
