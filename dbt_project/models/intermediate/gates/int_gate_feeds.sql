-- Grain: one row per tenant with orders: which reference data it sends that a gate compares with.
-- Trap: false is never a fault: what a tenant does not send, nothing is held against.

with facts as (
    -- distinct: a tenant has many rows of each
    select distinct
        tenant,
        'price_book' as fact_code
    from {{ ref('int_price_book__latest') }}
    union all
    select distinct
        tenant,
        'contracts' as fact_code
    from {{ ref('int_contracts__latest') }}
    union all
    select distinct
        tenant,
        'products' as fact_code
    from {{ ref('int_products__latest') }}
    union all
    select distinct
        tenant,
        'tax_classes' as fact_code
    from {{ ref('int_products__latest') }}
    where tax_class is not null
    union all
    select distinct
        tenant,
        'people' as fact_code
    from {{ ref('int_people__latest') }}
    union all
    select distinct
        tenant,
        'limits' as fact_code
    from {{ ref('int_people__latest') }}
    where approval_limit_amount is not null
    union all
    select distinct
        tenant,
        'tax_classes' as fact_code
    from {{ ref('int_order_lines__keyed') }}
    where tax_class is not null
    union all
    select distinct
        tenant,
        'service_dates' as fact_code
    from {{ ref('int_order_lines__keyed') }}
    where service_start_on is not null
        or service_end_on is not null
    union all
    select distinct
        tenant,
        'approvals' as fact_code
    from {{ ref('int_order_versions') }}
    where approved_by is not null
),

tenants as (
    -- distinct: a tenant has many orders
    select distinct tenant from {{ ref('int_orders') }}
),

final as (
    select
        ---------- keys
        tenants.tenant,

        ---------- booleans
        max(case when facts.fact_code = 'price_book' then 1 else 0 end) = 1 as has_price_book,
        max(case when facts.fact_code = 'contracts' then 1 else 0 end) = 1 as has_contracts,
        max(case when facts.fact_code = 'products' then 1 else 0 end) = 1 as has_products,
        max(case when facts.fact_code = 'people' then 1 else 0 end) = 1 as has_people,
        max(case when facts.fact_code = 'limits' then 1 else 0 end) = 1 as has_limits,
        max(case when facts.fact_code = 'tax_classes' then 1 else 0 end) = 1 as has_tax_classes,
        max(case when facts.fact_code = 'service_dates' then 1 else 0 end) = 1 as has_service_dates,
        max(case when facts.fact_code in ('approvals', 'limits') then 1 else 0 end) = 1 as has_approvals
    from tenants
    left join facts
        on tenants.tenant = facts.tenant
    group by tenants.tenant
)

select * from final
