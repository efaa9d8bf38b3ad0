-- Grain: one row per stored version of an order item of Olist.
-- Trap: what is due for an item is unit_rate plus shipping_amount; a repeated item is another row, not a quantity.

with source_rows as (
    select * from {{ source('olist', 'order_items') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'order_items' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        order_id,
        cast(order_item_id as {{ dbt.type_string() }}) as line_no,
        product_id as sku,
        seller_id,
        cast(null as {{ dbt.type_string() }}) as amends_line_no,

        ---------- strings
        cast(null as {{ dbt.type_string() }}) as tax_class,
        cast(null as {{ dbt.type_string() }}) as native_status,

        ---------- numerics
        {{ quantity('1') }} as quantity,
        cast(price as decimal(28, 12)) as unit_rate,
        {{ money('0') }} as discount_amount,
        {{ money('0') }} as tax_amount,
        freight_value as shipping_amount,

        ---------- booleans
        false as is_quantity_delta,

        ---------- dates
        cast(null as date) as service_start_on,
        cast(null as date) as service_end_on,

        ---------- provenance
        cast(null as timestamp) as updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
