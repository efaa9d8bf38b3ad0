-- Grain: one row per tenant, provider, currency and amount that batches carry from an earlier one into their own payout.
-- Trap: a batch may list its own payout and take it back: only what is left of an amount in the batch is carried.

with lines_of_batches as (
    select
        source,
        tenant,
        source_system,
        source_instance,
        batch_id,
        currency_code,
        gross_amount
    from {{ ref('int_settlement_lines__latest') }}
    where type_code in ('adjustment', 'transfer')
        and payment_ref is null
        and order_ref is null
),

lines_summed_to_amounts as (
    select
        source,
        tenant,
        source_system,
        source_instance,
        batch_id,
        currency_code,
        abs(gross_amount) as carried_amount
    from lines_of_batches
    where gross_amount <> 0
    group by source, tenant, source_system, source_instance, batch_id, currency_code, abs(gross_amount)
    having sum(gross_amount) > 0
),

batches as (
    select * from {{ ref('int_settlement_batches__latest') }}
),

batch_statuses as (
    select * from {{ ref('batch_statuses') }}
),

final as (
    select
        batches.tenant,
        batches.provider,
        batches.currency_code,
        lines_summed_to_amounts.carried_amount,
        max(coalesce(batches.payout_on, cast(batches.closed_at as date))) as last_payout_on
    from lines_summed_to_amounts
    inner join batches
        on lines_summed_to_amounts.source = batches.source
        and lines_summed_to_amounts.tenant = batches.tenant
        and lines_summed_to_amounts.source_system = batches.source_system
        and lines_summed_to_amounts.source_instance = batches.source_instance
        and lines_summed_to_amounts.batch_id = batches.batch_id
        and lines_summed_to_amounts.currency_code = batches.currency_code
    left join batch_statuses
        on lower(trim(batches.native_status)) = batch_statuses.native_status
    where coalesce(batch_statuses.status_code, 'paid') in ('paid', 'open')
    group by
        batches.tenant, batches.provider, batches.currency_code, lines_summed_to_amounts.carried_amount
)

select * from final
