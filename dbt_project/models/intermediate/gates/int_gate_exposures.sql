-- Grain: one row per live order on credit of a customer whose credit limit is known.
-- Trap: exposure_amount is what the customer owed once this order was placed: its earlier orders and this one, as far
-- as they are unpaid now. It is no balance of a day.

with orders as (
    select * from {{ ref('int_orders') }}
    where not is_test
        and status_code in ('confirmed', 'closed')
        and has_total
),

customers as (
    -- A customer that two systems describe is one customer of the tenant.
    select
        tenant,
        customer_id,
        max(credit_limit_amount) as credit_limit_amount,
        max(currency_code) as currency_code
    from {{ ref('int_customers__latest') }}
    where credit_limit_amount is not null
    group by tenant, customer_id
),

gate_scopes as (
    select
        order_type,
        scope_code
    from {{ ref('gate_scopes') }}
    where gate_code = 'GATE_CREDIT'
),

-- What keys alone say was paid: matching without a key comes after the gates.
payment_members as (
    select
        recon_key,
        currency_code,
        expected_amount as open_amount
    from {{ ref('int_expectations') }}
    where leg_code = 'payment'
        and recon_key is not null
    union all
    select
        recon_key,
        currency_code,
        {{ money('-actual_amount') }} as open_amount
    from {{ ref('int_evidence') }}
    where leg_code = 'payment'
        and anchor_key is not null
),

payment_groups as (
    select
        recon_key,
        currency_code,
        {{ money('sum(open_amount)') }} as open_amount
    from payment_members
    group by recon_key, currency_code
),

tenants_with_payments as (
    select tenant
    from {{ ref('int_legs_in_use') }}
    where leg_code = 'payment'
),

open_orders as (
    select
        orders.recon_key,
        orders.tenant,
        orders.customer_id,
        orders.currency_code,
        orders.ordered_at,
        customers.credit_limit_amount,
        -- Without a feed of payments nothing is known to be paid.
        case
            when tenants_with_payments.tenant is null then greatest(orders.total_amount, {{ money('0') }})
            else greatest(coalesce(payment_groups.open_amount, {{ money('0') }}), {{ money('0') }})
        end as unpaid_amount
    from orders
    inner join customers
        on orders.tenant = customers.tenant
        and orders.customer_id = customers.customer_id
        and orders.currency_code = coalesce(customers.currency_code, orders.currency_code)
    inner join gate_scopes
        on orders.order_type = gate_scopes.order_type
    left join tenants_with_payments
        on orders.tenant = tenants_with_payments.tenant
    left join payment_groups
        on orders.recon_key = payment_groups.recon_key
        and orders.currency_code = payment_groups.currency_code
    where gate_scopes.scope_code = 'always'
        or (gate_scopes.scope_code = 'unless_prepaid' and coalesce(orders.term_days, 1) > 0)
        or (gate_scopes.scope_code = 'on_terms' and coalesce(orders.term_days, 0) > 0)
),

final as (
    select
        ---------- keys
        recon_key,

        ---------- strings
        currency_code,

        ---------- numerics
        credit_limit_amount,
        unpaid_amount,
        {{ money("""
            sum(unpaid_amount) over (
                partition by tenant, customer_id, currency_code
                order by ordered_at nulls last, recon_key nulls last
                rows between unbounded preceding and current row
            )
        """) }} as exposure_amount
    from open_orders
)

select * from final
