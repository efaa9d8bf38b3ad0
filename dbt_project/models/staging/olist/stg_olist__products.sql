-- Grain: one row per stored version of a product of Olist.
-- Trap: no name is given; the category is the nearest thing to a family.

with source_rows as (
    select * from {{ source('olist', 'products') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'products' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        product_id as sku,

        ---------- strings
        cast(null as {{ dbt.type_string() }}) as product_name,
        product_category_name as product_family,
        cast(null as {{ dbt.type_string() }}) as tax_class,
        'ship' as fulfilment_code,

        ---------- provenance
        cast(null as timestamp) as updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
