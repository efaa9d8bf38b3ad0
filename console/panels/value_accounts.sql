-- Grain: one row a customer and currency with something open.
with counted as (
    select
        customer_id,
        currency_code,
        any_value(customer_tier) as customer_tier,
        any_value(segment) as segment,
        any_value(sales_owner_id) as sales_owner_id,
        count(*) as order_count,
        cast(count(*) filter (where is_reconciled) as decimal(18, 6)) / count(*) as pass_rate,
        sum(total_amount) as total_amount,
        sum(open_exception_count) as exception_count,
        sum(leak_amount) as leak_amount
    from fct_orders
    where customer_id is not null and not is_test and not is_synthetic
        and state_code not in ('draft', 'void')
        and ($segment = '' or segment = $segment)
        and ($tier = '' or customer_tier = $tier)
    group by customer_id, currency_code
)

select
    customer_id, customer_tier, segment, sales_owner_id,
    cast(exception_count as bigint) as exception_count,
    order_count, pass_rate, total_amount, leak_amount, currency_code
from counted
where exception_count > 0
order by currency_code = $currency desc, total_amount desc, customer_id
