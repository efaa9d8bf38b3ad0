-- Grain: one row per stored version of an order item of Olist; the shipment header says whether it left.
-- Trap: derived from the order's own items: it shows stamps that are missing, never a short shipment.

with order_lines as (
    select
        order_id,
        line_no,
        sku,
        quantity,
        updated_at,
        _row_key,
        _row_version,
        _load_seq,
        _line,
        _business_on,
        _is_deleted,
        _observed_at
    from {{ ref('stg_olist__order_lines') }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'order_items' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        order_id as shipment_id,
        line_no,
        order_id as order_ref,
        line_no as order_line_no,
        sku,

        ---------- numerics
        quantity,

        ---------- booleans
        false as is_return,

        ---------- provenance
        updated_at,
        _row_key,
        _row_version,
        _load_seq,
        _line,
        _business_on,
        _is_deleted,
        _observed_at
    from order_lines
)

select * from final
