-- Grain: one row per stored version of a seller statement line of an order, as the generic extract gives it.
-- Trap: gross is before commission, fees and withholding.

with source_rows as (
    select * from {{ source('generic', 'seller_statements') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'seller_statements' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        statement_id,
        seller_id,
        order_ref,

        ---------- strings
        currency as currency_code,

        ---------- numerics
        gross_amount,
        commission_amount,
        fee_amount,
        withholding_amount,
        net_amount,

        ---------- timestamps
        paid_at,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
