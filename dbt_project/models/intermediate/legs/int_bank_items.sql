-- Grain: one row per payout or direct payment that a bank account should show, with what a bank line may call it.
-- Trap: expected_amount is the batch as its lines come to it; stated_amount, what the provider says, explains a bank
-- line that follows the provider's error: that error is told once, on the batch. A payout that failed expects nothing.

with batches as (
    select * from {{ ref('int_settlement_batches__computed') }}
),

events as (
    select * from {{ ref('int_settlement_events__compared') }}
),

-- distinct: a tenant has many bank lines
tenants_with_bank_lines as (
    select distinct tenant from {{ ref('int_bank_lines__unioned') }}
),

-- union, not union all: each tenant once
tenants_with_settlements as (
    select tenant from {{ ref('int_settlement_batches__unioned') }}
    union
    select tenant from {{ ref('int_settlement_lines__unioned') }}
),

payouts as (
    select
        batch_key as item_key,
        'batch' as item_kind,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        tenant,
        source,
        source_system,
        batch_id as native_id,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        provider as party_note,
        trace_id as first_identifier,
        batch_id as second_identifier,
        cast(null as {{ dbt.type_string() }}) as third_identifier,
        currency_code,
        case when is_failed or is_reversal then {{ money('0') }} else net_amount end as expected_amount,
        case
            when not is_failed and not is_reversal and stated_amount <> net_amount then stated_amount
        end as explained_amount,
        case when not is_failed and not is_reversal and stated_amount <> net_amount then 'STATED_NET' end
            as explained_class,
        payout_on as business_on,
        -- A batch that nets negative is carried into the next one unless the bank shows it.
        case when net_amount < 0 then {{ end_of_day("cast('9999-12-30' as date)") }} else bank_due_at end as due_at,
        not is_failed and not is_reversal as is_due_alone
    from batches
    where status_code <> 'open'
        and net_amount <> 0
        and (has_header or not has_headers)
),

direct_payments as (
    select
        events.event_key as item_key,
        'payment' as item_kind,
        events.recon_key,
        events.tenant,
        events.source,
        events.source_system,
        events.payment_id as native_id,
        events.customer_id,
        cast(null as {{ dbt.type_string() }}) as party_note,
        events.payment_id as first_identifier,
        events.order_ref as second_identifier,
        events.invoice_ref as third_identifier,
        events.event_currency_code as currency_code,
        events.event_amount as expected_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        case when events.is_charge_deducted and events.event_amount > 0 then 'FEE' end as explained_class,
        events.event_on as business_on,
        events.bank_due_at as due_at,
        true as is_due_alone
    from events
    left join tenants_with_settlements
        on events.tenant = tenants_with_settlements.tenant
    where events.is_expected
        and not events.is_named
        and (
            events.settles_via = 'bank'
            or (events.settles_via = 'psp_or_bank' and not events.is_rail_of_provider)
            or (events.settles_via in ('psp', 'alone') and tenants_with_settlements.tenant is null)
        )
),

unioned as (
    select * from payouts
    union all
    select * from direct_payments
),

final as (
    select unioned.*
    from unioned
    inner join tenants_with_bank_lines
        on unioned.tenant = tenants_with_bank_lines.tenant
)

select * from final
