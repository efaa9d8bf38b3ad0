-- Grain: one row per order line that ships: the quantity that must leave.
-- Trap: a line of a product that nobody described is expected to ship only where the order ships at all. What a
-- cancelled shipment would have carried is not expected once its order is closed.

with order_lines as (
    select * from {{ ref('int_order_lines__current') }}
    where not is_test
        and status_code not in ('draft', 'deleted')
),

products_of_tenant as (
    select
        tenant,
        sku,
        max(fulfilment_code) as fulfilment_code
    from {{ ref('int_products__latest') }}
    group by tenant, sku
),

orders_with_shipments as (
    -- distinct: an order with several shipment lines is named once
    select distinct recon_key from {{ ref('int_evidence') }}
    where leg_code = 'fulfilment'
        and recon_key is not null
),

cancelled_rests as (
    select
        line_key,
        cancelled_quantity
    from {{ ref('int_shipped_lines') }}
    where cancelled_quantity > 0
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'fulfilment'
),

final as (
    select
        ---------- keys
        'fulfilment' as leg_code,
        order_lines.line_key as anchor_key,
        order_lines.recon_key,
        order_lines.line_key,
        order_lines.seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        order_lines.tenant,
        order_lines.source,
        order_lines.source_system,
        order_lines.order_id as native_id,

        ---------- strings
        order_lines.currency_code,
        cast(null as {{ dbt.type_string() }}) as explained_class,

        ---------- numerics
        case
            when order_lines.is_open_for_delivery and cancelled_rests.line_key is not null
            then {{ line_amount('greatest(order_lines.quantity - cancelled_rests.cancelled_quantity, 0)', 'order_lines.unit_rate') }}
            when order_lines.is_open_for_delivery then order_lines.list_amount
            else {{ money('0') }}
        end as expected_amount,
        case
            when order_lines.is_open_for_delivery and cancelled_rests.line_key is not null
            then {{ quantity('greatest(order_lines.quantity - cancelled_rests.cancelled_quantity, 0)') }}
            when order_lines.is_open_for_delivery then order_lines.quantity
            else {{ quantity('0') }}
        end as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        cast(0 as bigint) as rounding_count,

        ---------- dates
        order_lines.ordered_on as business_on,

        ---------- timestamps
        coalesce(
            order_lines.promised_at,
            {{ plus_hours('order_lines.ordered_at', 'leg_windows.window_hours') }}
        ) as due_at
    from order_lines
    inner join leg_windows
        on order_lines.order_type = leg_windows.order_type
        and order_lines.ordered_on >= leg_windows.effective_from
        and order_lines.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
    left join products_of_tenant
        on order_lines.tenant = products_of_tenant.tenant
        and order_lines.sku = products_of_tenant.sku
    left join cancelled_rests
        on case when order_lines.status_code = 'closed' then order_lines.line_key end = cancelled_rests.line_key
    left join orders_with_shipments
        on order_lines.recon_key = orders_with_shipments.recon_key
    where products_of_tenant.fulfilment_code = 'ship'
        or (products_of_tenant.fulfilment_code is null and orders_with_shipments.recon_key is not null)
)

select * from final
