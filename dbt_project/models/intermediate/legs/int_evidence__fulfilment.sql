-- Grain: one row per shipment line that left, with the order line that it serves.
-- Trap: returned goods are not a shortage: what came back is in int_returned_lines.

with shipment_lines as (
    select * from {{ ref('int_shipment_lines__resolved') }}
    where not is_return
),

final as (
    select
        ---------- keys
        'fulfilment' as leg_code,
        line_key as anchor_key,
        recon_key,
        tenant,
        source,
        stream,
        source_system,
        native_id,
        line_no,
        order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        ref_status,
        kind_code,
        currency_code,

        ---------- numerics
        line_amount as actual_amount,
        quantity as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        event_at,
        known_at,

        ---------- provenance
        _row_key
    from shipment_lines
)

select * from final
