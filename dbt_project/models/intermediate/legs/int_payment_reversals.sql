-- Grain: one row per (recon_key, currency_code) of orders with a payment event that is not a plain receipt.
-- Trap: amounts are positive; an order that was only paid is not here.

with payments as (
    select
        payments.source,
        payments.stream,
        payments.tenant,
        payments.source_system,
        payments.source_instance,
        payments.order_ref,
        payments.currency_code,
        payments.payment_id,
        payments.kind_code,
        payments.payment_amount,
        payments.occurred_at,
        coalesce(payments.native_status, 'succeeded') as status_code,
        payments.parent_payment_id
    from {{ ref('int_payments__latest') }} as payments
    inner join {{ ref('payment_kinds') }} as payment_kinds
        on payments.kind_code = payment_kinds.kind_code
    where payment_kinds.is_reversal
        or (payment_kinds.is_stored_value and payments.parent_payment_id is not null)
),

{{ resolved_refs('payments') }},

-- A refund that bounced is owed until there are more refunds of that amount than bounces.
bounced_by_amount as (
    select
        recon_key,
        currency_code,
        payment_amount,
        cast(sum(case when kind_code = 'refund_failed' then 1 else 0 end) as bigint) as bounce_count,
        cast(sum(case when kind_code = 'refund' then 1 else 0 end) as bigint) as refund_count
    from resolved
    where recon_key is not null
        and status_code = 'succeeded'
        and kind_code in ('refund', 'refund_failed')
    group by recon_key, currency_code, payment_amount
),

bounced as (
    select
        recon_key,
        currency_code,
        {{ money('sum(payment_amount * greatest(bounce_count - greatest(refund_count - bounce_count, 0), 0))') }}
            as bounced_amount
    from bounced_by_amount
    where bounce_count > 0
    group by recon_key, currency_code
),

-- What each payment gave back, less what bounced: a refund names the payment, what bounced names the refund.
returned_by_payment as (
    select
        refunds.recon_key,
        refunds.tenant,
        refunds.source_system,
        refunds.source_instance,
        refunds.currency_code,
        refunds.parent_payment_id,
        {{ money('sum(refunds.payment_amount - coalesce(bounces.payment_amount, 0))') }} as returned_amount
    from resolved as refunds
    left join resolved as bounces
        on refunds.tenant = bounces.tenant
        and refunds.source_system = bounces.source_system
        and refunds.source_instance = bounces.source_instance
        and refunds.payment_id = bounces.parent_payment_id
        and bounces.kind_code = 'refund_failed'
        and bounces.status_code = 'succeeded'
    where refunds.recon_key is not null
        and refunds.status_code = 'succeeded'
        and refunds.kind_code in ('refund', 'gift_card', 'store_credit')
    group by
        refunds.recon_key, refunds.tenant, refunds.source_system, refunds.source_instance, refunds.currency_code,
        refunds.parent_payment_id
),

overdrawn as (
    select
        returned_by_payment.recon_key,
        returned_by_payment.currency_code,
        {{ money('sum(returned_by_payment.returned_amount - received.payment_amount)') }} as overdrawn_amount
    from returned_by_payment
    inner join {{ ref('int_payments__latest') }} as received
        on returned_by_payment.tenant = received.tenant
        and returned_by_payment.source_system = received.source_system
        and returned_by_payment.source_instance = received.source_instance
        and returned_by_payment.parent_payment_id = received.payment_id
        and returned_by_payment.currency_code = received.currency_code
    where received.kind_code in ('capture', 'sale', 'gift_card', 'store_credit')
        and coalesce(received.native_status, 'succeeded') = 'succeeded'
        and returned_by_payment.returned_amount > received.payment_amount
    group by returned_by_payment.recon_key, returned_by_payment.currency_code
),

summed as (
    select
        recon_key,
        currency_code,
        {{ money("""
            sum(
                case
                    when status_code <> 'succeeded' then 0
                    when kind_code in ('refund', 'gift_card', 'store_credit') then payment_amount
                    when kind_code = 'refund_failed' then -payment_amount
                    else 0
                end
            )
        """) }} as refunded_amount,
        {{ money("""
            sum(
                case
                    when status_code = 'failed' then 0
                    when kind_code = 'chargeback' then payment_amount
                    when kind_code = 'chargeback_reversal' then -payment_amount
                    else 0
                end
            )
        """) }} as disputed_amount,
        {{ money("""
            sum(case when kind_code = 'chargeback' and status_code = 'pending' then payment_amount else 0 end)
        """) }} as pending_dispute_amount,
        cast(sum(case when kind_code = 'chargeback' then 1 else 0 end) as bigint) as dispute_count,
        max(occurred_at) as last_reversed_at
    from resolved
    where recon_key is not null
    group by recon_key, currency_code
),

final as (
    select
        ---------- keys
        summed.recon_key,
        summed.currency_code,

        ---------- numerics
        summed.refunded_amount,
        coalesce(bounced.bounced_amount, {{ money('0') }}) as bounced_amount,
        coalesce(overdrawn.overdrawn_amount, {{ money('0') }}) as overdrawn_amount,
        summed.disputed_amount,
        summed.pending_dispute_amount,
        summed.dispute_count,

        ---------- timestamps
        summed.last_reversed_at
    from summed
    left join bounced
        on summed.recon_key = bounced.recon_key
        and summed.currency_code = bounced.currency_code
    left join overdrawn
        on summed.recon_key = overdrawn.recon_key
        and summed.currency_code = overdrawn.currency_code
)

select * from final
