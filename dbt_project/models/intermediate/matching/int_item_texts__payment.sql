-- Grain: one row per unpaid order or payment event: by what it can be recognised without a key.
-- Trap: a party that is null fits any party; two different parties never fit.

with orders as (
    select
        recon_key,
        customer_id,
        order_id
    from {{ ref('int_orders') }}
),

payments as (
    select
        source,
        stream,
        _row_key,
        payment_id,
        customer_id,
        invoice_ref
    from {{ ref('int_payments__latest') }}
),

final as (
    select
        'payment' as leg_code,
        'expected' as side_code,
        recon_key as item_key,
        customer_id as party_code,
        order_id as item_text
    from orders
    union all
    select
        'payment' as leg_code,
        'actual' as side_code,
        {{ evidence_item_key('source', 'stream', '_row_key') }} as item_key,
        customer_id as party_code,
        coalesce(invoice_ref, '') as item_text
    from payments
)

select * from final
