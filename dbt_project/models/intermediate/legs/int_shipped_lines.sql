-- Grain: one row per order line of which goods left, came back, or were taken out of a shipment.
-- Trap: cancelled_quantity is what a cancelled shipment would have carried; only a closed order makes it final.

with shipment_lines as (
    select * from {{ ref('int_shipment_lines__resolved') }}
    where line_key is not null
),

order_lines as (
    select
        line_key,
        recon_key,
        canonical_line_no,
        sku
    from {{ ref('int_order_lines__current') }}
),

moved as (
    select
        shipment_lines.line_key,
        {{ quantity('sum(case when shipment_lines.is_return then 0 else shipment_lines.quantity end)') }}
            as shipped_quantity,
        {{ quantity('sum(case when shipment_lines.has_come_back then shipment_lines.quantity else 0 end)') }}
            as returned_quantity,
        {{ quantity("""
            sum(
                case
                    when not shipment_lines.is_return and shipment_lines.shipped_sku <> order_lines.sku
                    then shipment_lines.quantity
                    else 0
                end
            )
        """) }} as substituted_quantity,
        max(
            case
                when not shipment_lines.is_return and shipment_lines.shipped_sku <> order_lines.sku
                then shipment_lines.shipped_sku
            end
        ) as substituted_sku,
        min(case when not shipment_lines.is_return then shipment_lines.event_at end) as first_shipped_at,
        max(case when not shipment_lines.is_return then shipment_lines.event_at end) as last_shipped_at,
        max(case when shipment_lines.has_come_back then shipment_lines.event_at end) as last_returned_at,
        max(shipment_lines.known_at) as last_known_at,
        max(case when shipment_lines.is_return then 0 else 1 end) as shipped_count
    from shipment_lines
    inner join order_lines
        on shipment_lines.line_key = order_lines.line_key
    group by shipment_lines.line_key
),

shipment_statuses as (
    select * from {{ ref('shipment_statuses') }}
    where exclusion_reason = 'SHIPMENT_CANCELLED'
),

cancelled_shipments as (
    select
        shipment_lines.tenant,
        shipment_lines.source_system,
        shipment_lines.source_instance,
        coalesce(shipment_lines.order_ref, shipments.order_ref) as order_ref,
        shipment_lines.order_line_no,
        case when shipment_lines.order_line_no is null then shipment_lines.sku end as sku_without_line,
        shipment_lines.quantity
    from {{ ref('int_shipment_lines__latest') }} as shipment_lines
    inner join {{ ref('int_shipments__latest') }} as shipments
        on shipment_lines.source = shipments.source
        and shipment_lines.tenant = shipments.tenant
        and shipment_lines.source_system = shipments.source_system
        and shipment_lines.source_instance = shipments.source_instance
        and shipment_lines.shipment_id = shipments.shipment_id
    inner join shipment_statuses
        on shipments.native_status = shipment_statuses.status_code
    where not shipment_lines.is_return
),

{{ resolved_refs('cancelled_shipments') }},

only_lines_of_a_sku as (
    select
        order_lines.recon_key,
        order_lines.sku,
        min(order_lines.line_key) as line_key
    from order_lines
    inner join resolved
        on order_lines.recon_key = resolved.recon_key
        and order_lines.sku = resolved.sku_without_line
    group by order_lines.recon_key, order_lines.sku
    having count(distinct order_lines.line_key) = 1
),

cancelled as (
    select
        coalesce(order_lines.line_key, only_lines_of_a_sku.line_key) as line_key,
        {{ quantity('sum(resolved.quantity)') }} as cancelled_quantity
    from resolved
    left join order_lines
        on resolved.recon_key = order_lines.recon_key
        and resolved.order_line_no = order_lines.canonical_line_no
    left join only_lines_of_a_sku
        on resolved.recon_key = only_lines_of_a_sku.recon_key
        and resolved.sku_without_line = only_lines_of_a_sku.sku
    where coalesce(order_lines.line_key, only_lines_of_a_sku.line_key) is not null
    group by coalesce(order_lines.line_key, only_lines_of_a_sku.line_key)
),

final as (
    select
        ---------- keys
        coalesce(moved.line_key, cancelled.line_key) as line_key,

        ---------- strings
        moved.substituted_sku,

        ---------- numerics
        coalesce(moved.shipped_quantity, {{ quantity('0') }}) as shipped_quantity,
        coalesce(moved.returned_quantity, {{ quantity('0') }}) as returned_quantity,
        coalesce(moved.substituted_quantity, {{ quantity('0') }}) as substituted_quantity,
        coalesce(cancelled.cancelled_quantity, {{ quantity('0') }}) as cancelled_quantity,

        ---------- booleans
        coalesce(moved.shipped_count = 1, false) as has_shipped,

        ---------- timestamps
        moved.first_shipped_at,
        moved.last_shipped_at,
        moved.last_returned_at,
        moved.last_known_at
    from moved
    full outer join cancelled
        on moved.line_key = cancelled.line_key
)

select * from final
