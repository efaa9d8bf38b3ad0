-- Grain: one row per payment event that moves money and order that it pays, signed from the merchant's side.
-- Trap: authorizations, voids, pending and failed events are not here: they move no money. A payment of a
-- consolidated invoice has a row for each of its orders, numbered in line_no.

with payments as (
    select * from {{ ref('int_payments__latest') }}
),

payment_kinds as (
    select * from {{ ref('payment_kinds') }}
    where is_evidence
),

payment_statuses as (
    select * from {{ ref('payment_statuses') }}
    where is_evidence
),

payments_of_invoices as (
    select * from {{ ref('int_payments_of_invoices') }}
),

payment_events as (
    select
        payments.source,
        payments.stream,
        payments.tenant,
        payments.source_system,
        payments.source_instance,
        payments.payment_id as native_id,
        cast(payments_of_invoices.share_no as {{ dbt.type_string() }}) as line_no,
        coalesce(payments.order_ref, payments_of_invoices.order_ref) as order_ref,
        payments.kind_code,
        payments.currency_code,
        -- Stored value with a parent is money given back onto a card, without one it is money paid with it.
        case
            when payment_kinds.is_stored_value and payments.parent_payment_id is not null
            then {{ money('-payments.payment_amount') }}
            when payments_of_invoices.paid_amount is not null then payments_of_invoices.paid_amount
            else {{ money('payments.payment_amount * payment_kinds.cash_sign') }}
        end as actual_amount,
        payments.instalment_count,
        payments.occurred_at as event_at,
        payments._observed_at as known_at,
        payments._row_key
    from payments
    inner join payment_kinds
        on payments.kind_code = payment_kinds.kind_code
    inner join payment_statuses
        on coalesce(payments.native_status, 'succeeded') = payment_statuses.status_code
    left join payments_of_invoices
        on payments.source = payments_of_invoices.source
        and payments._row_key = payments_of_invoices._row_key
),

{{ resolved_refs('payment_events') }},

-- Store credit on an order that was credited as much is the credit itself, given instead of a refund.
credited_orders as (
    select
        recon_key,
        currency_code,
        credited_amount
    from {{ ref('int_invoiced_orders') }}
    where credited_amount > 0
),

final as (
    select
        ---------- keys
        'payment' as leg_code,
        resolved.recon_key as anchor_key,
        resolved.recon_key,
        resolved.tenant,
        resolved.source,
        resolved.stream,
        resolved.source_system,
        resolved.native_id,
        resolved.line_no,
        resolved.order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        resolved.ref_status,
        resolved.kind_code,
        resolved.currency_code,

        ---------- numerics
        case
            when credited_orders.recon_key is not null then {{ money('-resolved.actual_amount') }}
            else resolved.actual_amount
        end as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        coalesce(resolved.instalment_count, 0) as instalment_count,

        ---------- timestamps
        resolved.event_at,
        resolved.known_at,

        ---------- provenance
        resolved._row_key
    from resolved
    left join credited_orders
        on case
            when resolved.kind_code = 'store_credit' and resolved.actual_amount > 0 then resolved.recon_key
        end = credited_orders.recon_key
        and resolved.currency_code = credited_orders.currency_code
        and resolved.actual_amount <= credited_orders.credited_amount
)

select * from final
