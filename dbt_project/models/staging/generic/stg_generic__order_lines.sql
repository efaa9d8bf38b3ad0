-- Grain: one row per stored version of a order line, as the generic extract gives it.
-- Trap: quantity is a change, not a level, where is_quantity_delta is true.

with source_rows as (
    select * from {{ source('generic', 'order_lines') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'order_lines' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        order_id,
        cast(line_no as {{ dbt.type_string() }}) as line_no,
        sku,
        seller_id,
        cast(amends_line_no as {{ dbt.type_string() }}) as amends_line_no,

        ---------- strings
        tax_class,
        status as native_status,

        ---------- numerics
        quantity,
        unit_price as unit_rate,
        coalesce(discount_amount, 0) as discount_amount,
        tax_amount,
        cast(0 as decimal(18, 4)) as shipping_amount,

        ---------- booleans
        coalesce(quantity_is_delta, false) as is_quantity_delta,

        ---------- dates
        service_start_on,
        service_end_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
