-- Grain: one row an account owner, order type and currency.
select
    sales_owner_id,
    order_type,
    currency_code,
    count(*) as order_count,
    coalesce(sum(total_amount) filter (where state_code = 'reconciled'), 0) as ready_amount,
    coalesce(sum(total_amount) filter (where state_code = 'open'), 0) as open_amount,
    coalesce(sum(total_amount) filter (where state_code in ('exception', 'held_by_gate')), 0)
        as blocked_amount,
    cast(coalesce(sum(total_amount) filter (where state_code = 'reconciled'), 0)
        / nullif(sum(total_amount), 0) as decimal(18, 6)) as ready_rate
from fct_orders
where sales_owner_id is not null and not is_test and not is_synthetic and not is_zero_value
    and state_code not in ('draft', 'void')
    and ordered_at >= $from_on
    and ($segment = '' or segment = $segment)
    and ($tier = '' or customer_tier = $tier)
group by sales_owner_id, order_type, currency_code
order by currency_code = $currency desc, blocked_amount desc, sales_owner_id, order_type, currency_code
