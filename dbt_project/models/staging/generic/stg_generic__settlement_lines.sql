-- Grain: one row per stored version of a settlement line, as the generic extract gives it.
-- Trap: all amounts are signed from the merchant's side.

with source_rows as (
    select * from {{ source('generic', 'settlement_lines') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'settlement_lines' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        batch_id,
        line_no,
        payment_ref,
        order_ref,
        seller_id,

        ---------- strings
        type as type_code,
        currency as currency_code,
        source_currency as source_currency_code,

        ---------- numerics
        gross_amount,
        fee_amount,
        fee_tax_amount,
        net_amount,
        fx_rate,
        source_amount,

        ---------- timestamps
        posted_at,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
