-- Grain: one row an age bucket and severity with something open.
with aged as (
    select
        case
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 1 day then 1
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 3 day then 2
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 7 day then 3
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 30 day then 4
            else 5
        end as age_no,
        fct_exceptions.ticket_severity_code as severity_code
    from fct_exceptions
    left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_exceptions.status_code not in ('resolved', 'auto_closed')
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
)

select
    age_no,
    case age_no
        when 1 then 'under 1 day' when 2 then '1 to 3 days' when 3 then '3 to 7 days'
        when 4 then '7 to 30 days' else 'over 30 days'
    end as age_label,
    severity_code,
    case severity_code
        when 'critical' then 1 when 'high' then 2 when 'medium' then 3 when 'low' then 4 else 5
    end as severity_no,
    count(*) as exception_count
from aged
group by all
order by age_no, severity_no
