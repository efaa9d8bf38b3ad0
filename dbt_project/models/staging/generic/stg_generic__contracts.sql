-- Grain: one row per stored version of a contract, as the generic extract gives it.
-- Trap: an amendment is an order, not a row here.

with source_rows as (
    select * from {{ source('generic', 'contracts') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'contracts' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        contract_id,
        customer_id,
        renews_contract_id,

        ---------- strings
        payment_terms,
        tax_class,
        currency as currency_code,
        status as native_status,

        ---------- dates
        start_on,
        end_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
