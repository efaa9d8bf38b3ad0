-- Grain: one row per line of the current version of an order.
-- Trap: lines of test, draft and deleted orders are here too; a leg decides what it expects.

with order_lines as (
    select * from {{ ref('int_order_line_versions') }}
),

orders as (
    select * from {{ ref('int_orders') }}
),

final as (
    select
        ---------- keys
        order_lines.line_key,
        order_lines.recon_key,
        order_lines.canonical_line_no,
        order_lines.sku,
        order_lines.seller_id,
        orders.tenant,
        orders.source,
        orders.source_system,
        orders.order_id,

        ---------- strings
        orders.order_type,
        orders.currency_code,
        orders.status_code,
        order_lines.tax_class,

        ---------- numerics
        order_lines.quantity,
        order_lines.unit_rate,
        order_lines.list_amount,
        order_lines.discount_amount,
        order_lines.net_amount,
        order_lines.tax_amount,
        order_lines.shipping_amount,

        ---------- booleans
        orders.is_test,
        order_lines.is_cancelled,
        orders.is_open_for_delivery and not order_lines.is_cancelled as is_open_for_delivery,
        orders.is_due_for_payment and not order_lines.is_cancelled as is_due_for_payment,

        ---------- dates
        orders.ordered_on,
        order_lines.service_start_on,
        order_lines.service_end_on,

        ---------- timestamps
        orders.ordered_at,
        orders.promised_at
    from order_lines
    inner join orders
        on order_lines.recon_key = orders.recon_key
        and order_lines.version_no = orders.version_no
)

select * from final
