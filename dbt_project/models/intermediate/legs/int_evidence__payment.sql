-- Grain: one row per payment event that moves money, signed from the merchant's side.
-- Trap: authorizations, voids, pending and failed events are not here: they move no money.

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

payment_events as (
    select
        payments.source,
        payments.stream,
        payments.tenant,
        payments.source_system,
        payments.source_instance,
        payments.payment_id as native_id,
        payments.order_ref,
        payments.kind_code,
        payments.currency_code,
        {{ money('payments.payment_amount * payment_kinds.cash_sign') }} as actual_amount,
        payments.instalment_count,
        payments.occurred_at as event_at,
        payments._observed_at as known_at,
        payments._row_key
    from payments
    inner join payment_kinds
        on payments.kind_code = payment_kinds.kind_code
    inner join payment_statuses
        on coalesce(payments.native_status, 'succeeded') = payment_statuses.status_code
),

{{ resolved_refs('payment_events') }},

final as (
    select
        ---------- keys
        'payment' as leg_code,
        recon_key as anchor_key,
        recon_key,
        tenant,
        source,
        stream,
        source_system,
        native_id,
        cast(null as {{ dbt.type_string() }}) as line_no,
        order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        ref_status,
        kind_code,
        currency_code,

        ---------- numerics
        actual_amount,
        {{ quantity('0') }} as actual_quantity,
        coalesce(instalment_count, 0) as instalment_count,

        ---------- timestamps
        event_at,
        known_at,

        ---------- provenance
        _row_key
    from resolved
)

select * from final
