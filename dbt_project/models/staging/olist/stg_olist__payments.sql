-- Grain: one row per stored version of a payment of Olist.
-- Trap: no time of payment is given, so latency cannot be told from these rows.

with source_rows as (
    select * from {{ source('olist', 'order_payments') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'order_payments' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        order_id || '-' || cast(payment_sequential as {{ dbt.type_string() }}) as payment_id,
        cast(null as {{ dbt.type_string() }}) as parent_payment_id,
        order_id as order_ref,
        cast(null as {{ dbt.type_string() }}) as invoice_ref,
        cast(null as {{ dbt.type_string() }}) as customer_id,

        ---------- strings
        'sale' as kind_code,
        payment_type as method_code,
        'succeeded' as native_status,
        'BRL' as currency_code,

        ---------- numerics
        payment_value as payment_amount,
        payment_installments as instalment_count,

        ---------- timestamps
        cast(null as timestamp) as occurred_at,

        ---------- provenance
        cast(null as timestamp) as updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
