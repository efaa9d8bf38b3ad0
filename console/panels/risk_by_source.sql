-- Grain: one row a source system with orders or open exceptions.
with orders as (
    select
        source_system,
        count(*) as order_count,
        count(*) filter (where is_reconciled) as reconciled_count
    from fct_orders
    where not is_test and not is_synthetic and state_code not in ('draft', 'void')
        and ordered_at >= $from_on
        and ($segment = '' or segment = $segment)
        and ($tier = '' or customer_tier = $tier)
    group by source_system
),

exceptions as (
    select
        fct_exceptions.source_system,
        count(*) as exception_count,
        sum(fct_exceptions.leak_amount) filter (where fct_exceptions.currency_code = $currency)
            as leak_amount
    from fct_exceptions
    left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
    where fct_exceptions.status_code not in ('resolved', 'auto_closed')
        and fct_exceptions.source_system <> ''
        and ($segment = '' or fct_orders.segment = $segment)
        and ($tier = '' or fct_orders.customer_tier = $tier)
    group by fct_exceptions.source_system
)

select
    coalesce(orders.source_system, exceptions.source_system) as source_system,
    coalesce(orders.order_count, 0) as order_count,
    cast(orders.reconciled_count as decimal(18, 6)) / nullif(orders.order_count, 0) as pass_rate,
    coalesce(exceptions.exception_count, 0) as exception_count,
    coalesce(exceptions.leak_amount, 0) as leak_amount,
    $currency as currency_code
from orders
full join exceptions on orders.source_system = exceptions.source_system
order by exception_count desc, source_system
