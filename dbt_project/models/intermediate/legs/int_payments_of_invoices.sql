-- Grain: one row per payment that names an invoice and no order, and order of that invoice that it pays.
-- Trap: several payments of one invoice fill its orders one after the other, so the second goes on where the first
-- ended. What goes back follows the credit memos, where they are worth as much; what exceeds the invoice is the last
-- order's.

with payment_kinds as (
    select * from {{ ref('payment_kinds') }}
    where is_evidence
),

payment_statuses as (
    select * from {{ ref('payment_statuses') }}
    where is_evidence
),

payments as (
    select
        payments.source,
        payments.tenant,
        payments.invoice_ref,
        payments.currency_code,
        payment_kinds.is_reversal,
        -- Money in fills an invoice, money back fills its credits; a refund that bounced empties them again.
        {{ money("""
            payments.payment_amount * payment_kinds.cash_sign * case when payment_kinds.is_reversal then -1 else 1 end
        """) }} as moved_amount,
        payments.occurred_at,
        payments.payment_id,
        payments._row_key
    from {{ ref('int_payments__latest') }} as payments
    inner join payment_kinds
        on payments.kind_code = payment_kinds.kind_code
    inner join payment_statuses
        on coalesce(payments.native_status, 'succeeded') = payment_statuses.status_code
    where payments.order_ref is null
        and payments.invoice_ref is not null
),

positioned as (
    select
        *,
        {{ money("""
            sum(moved_amount) over (
                partition by tenant, invoice_ref, currency_code, is_reversal
                order by occurred_at nulls last, payment_id nulls last, _row_key nulls last
                rows between unbounded preceding and current row
            )
        """) }} as amount_after,
        {{ money('sum(moved_amount) over (partition by tenant, invoice_ref, currency_code, is_reversal)') }}
            as moved_in_all_amount
    from payments
),

shares_in_all as (
    select
        *,
        {{ money('sum(share_amount - credit_amount) over (partition by tenant, invoice_ref, currency_code)') }}
            as net_in_all_amount,
        {{ money('sum(credit_amount) over (partition by tenant, invoice_ref, currency_code)') }} as credit_in_all_amount,
        row_number() over (
            partition by tenant, invoice_ref, currency_code
            order by order_ref desc nulls last
        ) = 1 as is_last
    from {{ ref('int_invoice_shares') }}
),

-- What is paid for each order: less what was credited, where no more than that was paid in all.
shared as (
    select
        positioned.source,
        positioned._row_key,
        positioned.is_reversal,
        positioned.moved_amount,
        positioned.amount_after,
        shares_in_all.order_ref,
        shares_in_all.is_last,
        case
            when not positioned.is_reversal and positioned.moved_in_all_amount <= shares_in_all.net_in_all_amount
            then {{ money('shares_in_all.share_amount - shares_in_all.credit_amount') }}
            when positioned.is_reversal
                and shares_in_all.credit_in_all_amount > 0
                and positioned.moved_in_all_amount <= shares_in_all.credit_in_all_amount
            then shares_in_all.credit_amount
            else shares_in_all.share_amount
        end as share_amount
    from positioned
    inner join shares_in_all
        on positioned.tenant = shares_in_all.tenant
        and positioned.invoice_ref = shares_in_all.invoice_ref
        and positioned.currency_code = shares_in_all.currency_code
),

placed as (
    select
        *,
        row_number() over (partition by source, _row_key order by order_ref nulls last) as share_no,
        {{ money("""
            sum(share_amount) over (
                partition by source, _row_key
                order by order_ref nulls last
                rows between unbounded preceding and current row
            ) - share_amount
        """) }} as amount_before
    from shared
),

filled as (
    select
        *,
        {{ money('greatest(amount_after - amount_before, 0)') }} as reached_amount,
        {{ money('greatest(amount_after - moved_amount - amount_before, 0)') }} as earlier_amount
    from placed
),

final as (
    select
        ---------- keys
        source,
        _row_key,
        order_ref,
        share_no,

        ---------- numerics
        {{ money("""
            (
                case when is_last then reached_amount else least(reached_amount, share_amount) end
                - case when is_last then earlier_amount else least(earlier_amount, share_amount) end
            ) * case when is_reversal then -1 else 1 end
        """) }} as paid_amount
    from filled
    where (moved_amount = 0 and share_no = 1)
        or case when is_last then reached_amount else least(reached_amount, share_amount) end
        <> case when is_last then earlier_amount else least(earlier_amount, share_amount) end
)

select * from final
