-- Grain: one row per stored version of an order header of Olist that bears a delivery stamp.
-- Trap: these are stamps on the order, not shipments that a carrier reported.

with orders as (
    select * from {{ source('olist', 'orders') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'orders' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        order_id as shipment_id,
        order_id as order_ref,
        cast(null as {{ dbt.type_string() }}) as tracking_no,

        ---------- strings
        case
            when order_delivered_customer_date is not null then 'delivered'
            when order_delivered_carrier_date is not null and order_status <> 'delivered' then 'shipped'
            else 'pending'
        end as native_status,

        ---------- timestamps
        coalesce(order_delivered_carrier_date, order_delivered_customer_date) as shipped_at,
        order_delivered_customer_date as delivered_at,

        ---------- provenance
        cast(null as timestamp) as updated_at,
        {{ provenance() }}
    from orders
    where order_delivered_carrier_date is not null
        or order_delivered_customer_date is not null
)

select * from final
