-- Grain: one row per stored version of a customer of Olist (customer_id is new for each order there).
-- Trap: customer_unique_id, not customer_id, tells the same person again; it is not carried further.

with source_rows as (
    select * from {{ source('olist', 'customers') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'customers' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        customer_id,

        ---------- strings
        cast(null as {{ dbt.type_string() }}) as customer_name,
        cast(null as {{ dbt.type_string() }}) as customer_tier,
        'marketplace' as segment,
        'BR' as country,
        cast(null as {{ dbt.type_string() }}) as sales_owner_id,
        'BRL' as currency_code,

        ---------- numerics
        cast(null as decimal(9, 6)) as churn_risk_rate,
        cast(null as decimal(18, 4)) as credit_limit_amount,

        ---------- provenance
        cast(null as timestamp) as updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
