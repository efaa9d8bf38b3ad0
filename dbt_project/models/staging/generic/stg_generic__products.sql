-- Grain: one row per stored version of a product, as the generic extract gives it.
-- Trap: fulfilment says whether a line of it ships at all.

with source_rows as (
    select * from {{ source('generic', 'products') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'products' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        sku,

        ---------- strings
        name as product_name,
        product_family,
        tax_class,
        fulfilment as fulfilment_code,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
