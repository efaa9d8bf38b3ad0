-- Grain: one row a month and state, in the chosen currency.
select
    cast(date_trunc('month', ordered_at) as date) as month_on,
    case state_code when 'reconciled' then 'reconciled' when 'open' then 'open' else 'blocked' end
        as state_label,
    currency_code,
    count(*) as order_count,
    sum(total_amount) as amount
from fct_orders
where currency_code = $currency and not is_test and not is_synthetic and not is_zero_value
    and state_code not in ('draft', 'void') and ordered_at >= $from_on
    and ($segment = '' or segment = $segment)
    and ($tier = '' or customer_tier = $tier)
group by all
order by month_on, state_label
