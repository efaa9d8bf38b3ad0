-- Grain: one row per stored version of a payment event, as the generic extract gives it.
-- Trap: amount is positive as the source writes it; payment_kinds gives its sign.

with source_rows as (
    select * from {{ source('generic', 'payments') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'payments' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        payment_id,
        parent_payment_id,
        order_ref,
        invoice_ref,
        customer_id,

        ---------- strings
        kind as kind_code,
        method as method_code,
        status as native_status,
        currency as currency_code,

        ---------- numerics
        amount as payment_amount,
        cast(null as bigint) as instalment_count,

        ---------- timestamps
        occurred_at,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
