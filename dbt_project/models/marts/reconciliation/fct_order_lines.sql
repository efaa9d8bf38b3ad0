-- Grain: one row per (recon_key, version_no, line_key).
-- Trap: all versions are here: filter by version_no before summing.

with synthetic_orders as (
    select recon_key from {{ ref('int_orders') }}
    where is_synthetic
),

order_line_versions as (
    select lines_of_orders.*
    from {{ ref('int_order_line_versions') }} as lines_of_orders
    left join synthetic_orders
        on lines_of_orders.recon_key = synthetic_orders.recon_key
    where synthetic_orders.recon_key is null
),

final as (
    select
        ---------- keys
        recon_key,
        version_no,
        line_key,
        sku,
        seller_id,

        ---------- strings
        tax_class,

        ---------- numerics
        quantity,
        unit_rate as unit_price,
        net_amount,
        tax_amount,
        shipping_amount,

        ---------- booleans
        is_cancelled,

        ---------- dates
        service_start_on,
        service_end_on
    from order_line_versions
)

select * from final
