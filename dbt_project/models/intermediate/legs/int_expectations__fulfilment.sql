-- Grain: one row per order line that ships: the quantity that must leave.
-- Trap: a line of a product that nobody described is expected to ship only where the order ships at all. What a
-- cancelled shipment would have carried is not expected once its order is closed. What left beyond the order and came
-- back did no harm: it may leave.

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

shipped_lines as (
    select
        line_key,
        shipped_quantity,
        returned_quantity,
        cancelled_quantity
    from {{ ref('int_shipped_lines') }}
    where cancelled_quantity > 0
        or returned_quantity > 0
),

with_due as (
    select
        order_lines.*,
        coalesce(shipped_lines.shipped_quantity, {{ quantity('0') }}) as shipped_quantity,
        coalesce(shipped_lines.returned_quantity, {{ quantity('0') }}) as returned_quantity,
        case
            when not order_lines.is_open_for_delivery then {{ quantity('0') }}
            when order_lines.status_code = 'closed'
            then {{ quantity('greatest(order_lines.quantity - coalesce(shipped_lines.cancelled_quantity, 0), 0)') }}
            else order_lines.quantity
        end as due_quantity
    from order_lines
    left join shipped_lines
        on order_lines.line_key = shipped_lines.line_key
),

with_quantities as (
    select
        *,
        {{ quantity('due_quantity + greatest(least(shipped_quantity - due_quantity, returned_quantity), 0)') }}
            as expected_quantity
    from with_due
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'fulfilment'
),

final as (
    select
        ---------- keys
        'fulfilment' as leg_code,
        with_quantities.line_key as anchor_key,
        with_quantities.recon_key,
        with_quantities.line_key,
        with_quantities.seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        with_quantities.tenant,
        with_quantities.source,
        with_quantities.source_system,
        with_quantities.order_id as native_id,

        ---------- strings
        with_quantities.currency_code,
        cast(null as {{ dbt.type_string() }}) as explained_class,

        ---------- numerics
        case
            when with_quantities.expected_quantity = with_quantities.quantity then with_quantities.list_amount
            else {{ line_amount('with_quantities.expected_quantity', 'with_quantities.unit_rate') }}
        end as expected_amount,
        with_quantities.expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        cast(0 as bigint) as rounding_count,

        ---------- dates
        with_quantities.ordered_on as business_on,

        ---------- timestamps
        coalesce(
            with_quantities.promised_at,
            {{ plus_hours('with_quantities.ordered_at', 'leg_windows.window_hours') }}
        ) as due_at
    from with_quantities
    inner join leg_windows
        on with_quantities.order_type = leg_windows.order_type
        and with_quantities.ordered_on >= leg_windows.effective_from
        and with_quantities.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
    left join products_of_tenant
        on with_quantities.tenant = products_of_tenant.tenant
        and with_quantities.sku = products_of_tenant.sku
    left join orders_with_shipments
        on with_quantities.recon_key = orders_with_shipments.recon_key
    where products_of_tenant.fulfilment_code = 'ship'
        or (products_of_tenant.fulfilment_code is null and orders_with_shipments.recon_key is not null)
)

select * from final
