-- Grain: one row per stored version of a shipment header, as the generic extract gives it.
-- Trap: the quantities are on its lines.

with source_rows as (
    select * from {{ source('generic', 'shipments') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'shipments' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        shipment_id,
        order_ref,
        tracking_no,

        ---------- strings
        status as native_status,

        ---------- timestamps
        shipped_at,
        delivered_at,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
