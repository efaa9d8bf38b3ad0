-- Grain: one row per stored version of a customer, as the generic extract gives it.
-- Trap: tier and segment are the source's words; missing means unclassified, never a guess.

with source_rows as (
    select * from {{ source('generic', 'customers') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'customers' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        customer_id,

        ---------- strings
        name as customer_name,
        tier as customer_tier,
        segment,
        country,
        sales_owner_id,
        currency as currency_code,

        ---------- numerics
        churn_risk as churn_risk_rate,
        credit_limit as credit_limit_amount,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
