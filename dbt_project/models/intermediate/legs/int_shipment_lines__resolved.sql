-- Grain: one row per shipment line of goods that left or came back, with the order line that it serves.
-- Trap: is_return rows came back. A line without order_line_no is given to the only order line of its sku; where
-- several have the sku it stays without an order line.

with shipment_lines as (
    select * from {{ ref('int_shipment_lines__latest') }}
),

shipments as (
    select * from {{ ref('int_shipments__latest') }}
),

shipment_statuses as (
    select * from {{ ref('shipment_statuses') }}
    where is_evidence
),

shipped_lines as (
    select
        shipment_lines.source,
        shipment_lines.stream,
        shipment_lines.tenant,
        shipment_lines.source_system,
        shipment_lines.source_instance,
        shipment_lines.shipment_id as native_id,
        shipment_lines.line_no,
        coalesce(shipment_lines.order_ref, shipments.order_ref) as order_ref,
        shipment_lines.order_line_no,
        case when shipment_lines.order_line_no is null then shipment_lines.sku end as sku_without_line,
        shipment_lines.sku as shipped_sku,
        shipment_lines.quantity,
        shipment_lines.is_return,
        shipment_lines.is_return or coalesce(shipments.native_status = 'returned', false) as has_come_back,
        shipments.native_status as kind_code,
        shipments.shipped_at as event_at,
        shipment_lines._observed_at as known_at,
        shipment_lines._row_key
    from shipment_lines
    inner join shipments
        on shipment_lines.source = shipments.source
        and shipment_lines.tenant = shipments.tenant
        and shipment_lines.source_system = shipments.source_system
        and shipment_lines.source_instance = shipments.source_instance
        and shipment_lines.shipment_id = shipments.shipment_id
    inner join shipment_statuses
        on coalesce(shipments.native_status, 'shipped') = shipment_statuses.status_code
),

{{ resolved_refs('shipped_lines') }},

order_lines as (
    select
        line_key,
        recon_key,
        canonical_line_no,
        sku,
        currency_code,
        quantity,
        unit_rate,
        list_amount
    from {{ ref('int_order_lines__current') }}
),

only_lines_of_a_sku as (
    select
        recon_key,
        sku,
        min(line_key) as line_key,
        min(currency_code) as currency_code,
        min(quantity) as quantity,
        min(unit_rate) as unit_rate,
        min(list_amount) as list_amount
    from order_lines
    group by recon_key, sku
    having count(*) = 1
),

with_order_lines as (
    select
        resolved.*,
        coalesce(order_lines.line_key, only_lines_of_a_sku.line_key) as line_key,
        coalesce(order_lines.currency_code, only_lines_of_a_sku.currency_code, '') as currency_code,
        coalesce(order_lines.quantity, only_lines_of_a_sku.quantity) as ordered_quantity,
        coalesce(order_lines.unit_rate, only_lines_of_a_sku.unit_rate, 0) as unit_rate,
        coalesce(order_lines.list_amount, only_lines_of_a_sku.list_amount) as list_amount
    from resolved
    left join order_lines
        on resolved.recon_key = order_lines.recon_key
        and cast(resolved.order_line_no as {{ dbt.type_string() }}) = order_lines.canonical_line_no
    left join only_lines_of_a_sku
        on resolved.recon_key = only_lines_of_a_sku.recon_key
        and resolved.sku_without_line = only_lines_of_a_sku.sku
),

final as (
    select
        ---------- keys
        line_key,
        recon_key,
        tenant,
        source,
        stream,
        source_system,
        native_id,
        line_no,
        order_ref,
        order_line_no,

        ---------- strings
        ref_status,
        coalesce(kind_code, 'shipped') as kind_code,
        currency_code,
        shipped_sku,

        ---------- numerics
        quantity,
        case
            when quantity = ordered_quantity then list_amount
            else {{ line_amount('quantity', 'unit_rate') }}
        end as line_amount,
        ordered_quantity,
        unit_rate,

        ---------- booleans
        is_return,
        has_come_back,

        ---------- timestamps
        event_at,
        known_at,

        ---------- provenance
        _row_key
    from with_order_lines
)

select * from final
