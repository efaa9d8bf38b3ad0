-- Grain: one row per stored version of a shipment line, as the generic extract gives it.
-- Trap: a return is a row with is_return, quantity positive.

with source_rows as (
    select * from {{ source('generic', 'shipment_lines') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'shipment_lines' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        shipment_id,
        cast(line_no as {{ dbt.type_string() }}) as line_no,
        order_ref,
        cast(order_line_no as {{ dbt.type_string() }}) as order_line_no,
        sku,

        ---------- numerics
        quantity,

        ---------- booleans
        coalesce(is_return, false) as is_return,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
