-- Grain: one row per (tenant, customer_id, currency_code).
-- Trap: amounts of two currencies are never added; test, synthetic, draft and void orders are in no figure.

with orders as (
    select * from {{ ref('fct_orders') }}
    where not is_test
        and not is_synthetic
        and state_code not in ('draft', 'void')
),

-- A customer that two systems describe is one customer of the tenant.
customers as (
    select
        tenant,
        customer_id,
        max(churn_risk_rate) as churn_risk_rate
    from {{ ref('int_customers__latest') }}
    group by tenant, customer_id
),

orders_summed as (
    select
        ---------- keys
        tenant,
        coalesce(customer_id, '') as customer_id,
        currency_code,

        ---------- strings
        min(customer_tier) as customer_tier,
        min(segment) as segment,
        min(sales_owner_id) as sales_owner_id,

        ---------- numerics
        count(*) as order_count,
        {{ count_if('is_reconciled') }} as reconciled_count,
        {{ count_if("state_code = 'exception'") }} as exception_count,
        {{ rate_of(count_if('is_reconciled'), 'count(*)') }} as pass_rate,
        cast(sum(open_exception_count) as bigint) as open_exception_count,
        {{ money('sum(total_amount)') }} as total_amount,
        {{ money('sum(leak_amount)') }} as leak_amount
    from orders
    group by tenant, coalesce(customer_id, ''), currency_code
),

final as (
    select
        orders_summed.*,
        customers.churn_risk_rate
    from orders_summed
    left join customers
        on orders_summed.tenant = customers.tenant
        and orders_summed.customer_id = customers.customer_id
)

select * from final
