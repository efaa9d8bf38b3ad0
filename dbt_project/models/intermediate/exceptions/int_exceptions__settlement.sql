-- Grain: one row per payment that its settlement does not show rightly, and per batch that does not hold.
-- Trap: what a batch gets wrong as a whole (net, reserve, payout) is told on the batch, never on its payments.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code in ('settlement', 'settlement_batch')
        and status_code <> 'matched'
),

events as (
    select * from {{ ref('int_settlement_events__compared') }}
    where is_settled_by_provider
),

events_summed_to_groups as (
    select
        anchor_key,
        currency_code,
        min(payment_id) as payment_id,
        min(source_system) as source_system,
        min(event_currency_code) as event_currency_code,
        max(fx_status_code) as fx_status_code,
        min(case when kind_code = 'chargeback_reversal' then 1 else 0 end) = 1 as is_reversal,
        min(rail_code) as rail_code,
        {{ money('sum(converted_amount)') }} as converted_amount,
        {{ money('sum(event_amount)') }} as event_amount
    from events
    group by anchor_key, currency_code
),

batches as (
    select * from {{ ref('int_settlement_batches__computed') }}
),

reserves as (
    select * from {{ ref('int_settlement_reserves') }}
    where unreleased_amount > 0
),

payment_groups as (
    select
        case
            when events_summed_to_groups.fx_status_code = 'RATE_MISSING' then 'FX_RATE_MISSING'
            when events_summed_to_groups.fx_status_code = 'UNEXPLAINED' then 'FX_DIFF_UNEXPLAINED'
            when match_groups.evidence_count = 0 and events_summed_to_groups.is_reversal then 'CB_WON_NOT_CREDITED'
            when match_groups.evidence_count = 0 then 'SET_MISSING'
            else 'SET_AMOUNT'
        end as exception_code,
        match_groups.leg_code,
        match_groups.tenant,
        match_groups.recon_key,
        coalesce(events_summed_to_groups.payment_id, match_groups.anchor_key) || ' ' || match_groups.currency_code
            as fact_key,
        coalesce(events_summed_to_groups.payment_id, match_groups.anchor_key) as native_ref,
        events_summed_to_groups.source_system,
        match_groups.match_id,
        match_groups.currency_code,
        match_groups.status_code,
        coalesce(events_summed_to_groups.rail_code, '') as rail_code,
        coalesce(events_summed_to_groups.event_currency_code, match_groups.currency_code) as event_currency_code,
        cast(null as {{ dbt.type_string() }}) as incident_cause,
        case
            when events_summed_to_groups.fx_status_code = 'RATE_MISSING'
            then {{ money('abs(events_summed_to_groups.event_amount)') }}
            when events_summed_to_groups.fx_status_code = 'UNEXPLAINED'
            then {{ money('abs(match_groups.matched_amount - events_summed_to_groups.converted_amount)') }}
            else {{ money('abs(match_groups.variance_amount)') }}
        end as leak_amount,
        case
            when events_summed_to_groups.fx_status_code = 'UNEXPLAINED' then events_summed_to_groups.converted_amount
            else match_groups.expected_amount
        end as expected_value_amount,
        match_groups.matched_amount as actual_value_amount,
        case
            when match_groups.variance_amount > 0 and match_groups.evidence_count > 0 then 'owed'
        end as leak_kind,
        cast(null as date) as payout_on,
        match_groups.due_at,
        coalesce(match_groups.last_known_at, match_groups.due_at) as known_at
    from match_groups
    left join events_summed_to_groups
        on match_groups.anchor_key = events_summed_to_groups.anchor_key
        and match_groups.currency_code = events_summed_to_groups.currency_code
    where match_groups.leg_code = 'settlement'
        and (
            match_groups.status_code = 'exception'
            or (events_summed_to_groups.fx_status_code = 'RATE_MISSING' and match_groups.status_code <> 'void')
        )
),

batch_groups as (
    select
        case
            when match_groups.evidence_count = 0 then 'KEY_ORPHAN_RIGHT'
            when match_groups.expectation_count = 0 then 'SET_UNATTRIBUTABLE'
            else 'ING_FILE_FOOTING'
        end as exception_code,
        match_groups.leg_code,
        match_groups.tenant,
        match_groups.recon_key,
        batches.batch_id || ' ' || match_groups.currency_code as fact_key,
        batches.batch_id as native_ref,
        batches.source_system,
        match_groups.match_id,
        match_groups.currency_code,
        match_groups.status_code,
        coalesce(batches.provider, '') as rail_code,
        match_groups.currency_code as event_currency_code,
        cast(null as {{ dbt.type_string() }}) as incident_cause,
        {{ money('abs(match_groups.variance_amount)') }} as leak_amount,
        match_groups.expected_amount as expected_value_amount,
        match_groups.matched_amount as actual_value_amount,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        batches.payout_on,
        match_groups.due_at,
        batches.known_at
    from match_groups
    inner join batches
        on match_groups.anchor_key = batches.batch_key
    where match_groups.leg_code = 'settlement_batch'
        and match_groups.status_code = 'exception'
),

-- A fee in another currency is told as that, line by line.
batches_with_foreign_fees as (
    -- distinct: a batch may have several of them
    select distinct
        tenant,
        source_system,
        batch_id
    from {{ ref('int_settlement_fees__compared') }}
    where fee_status_code = 'CURRENCY'
),

batch_facts as (
    select
        batches.*,
        'SET_UNATTRIBUTABLE' as exception_code,
        {{ money('abs(batches.net_amount)') }} as leak_amount,
        {{ money('0') }} as expected_value_amount,
        batches.net_amount as actual_value_amount
    from batches
    left join batches_with_foreign_fees
        on batches.tenant = batches_with_foreign_fees.tenant
        and batches.source_system = batches_with_foreign_fees.source_system
        and batches.batch_id = batches_with_foreign_fees.batch_id
    where batches.detail_code = 'OTHER_CURRENCY_THAN_LINES'
        and batches_with_foreign_fees.batch_id is null
    union all
    select
        batches.*,
        'SET_NEGATIVE' as exception_code,
        {{ money('-net_amount') }} as leak_amount,
        {{ money('0') }} as expected_value_amount,
        net_amount as actual_value_amount
    from batches
    where net_amount < 0
        and detail_code in ('FOOTED', 'NO_LINES_FED')
        and not is_failed
        and not is_reversal
        and status_code <> 'open'
    union all
    -- Errors of the lines that cancel out in the total are told too; those that do not are told by the group.
    select
        batches.*,
        'ING_FILE_FOOTING' as exception_code,
        unfooted_amount as leak_amount,
        computed_amount as expected_value_amount,
        stated_amount as actual_value_amount
    from batches
    where unfooted_amount > 0
        and computed_amount = stated_amount
        and detail_code = 'FOOTED'
    union all
    select
        batches.*,
        'SET_PAYOUT_FAILED' as exception_code,
        {{ money('abs(net_amount)') }} as leak_amount,
        net_amount as expected_value_amount,
        {{ money('0') }} as actual_value_amount
    from batches
    where is_failed
        and not is_paid_again
        and net_amount <> 0
    union all
    select
        batches.*,
        'SET_RESERVE_NOT_RELEASED' as exception_code,
        reserves.unreleased_amount as leak_amount,
        reserves.reserved_amount as expected_value_amount,
        {{ money('reserves.reserved_amount - reserves.unreleased_amount') }} as actual_value_amount
    from batches
    inner join reserves
        on batches.batch_key = reserves.batch_key
),

batch_exceptions as (
    select
        exception_code,
        'settlement_batch' as leg_code,
        tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        batch_id || ' ' || currency_code as fact_key,
        batch_id as native_ref,
        source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,
        currency_code,
        'exception' as status_code,
        coalesce(provider, '') as rail_code,
        currency_code as event_currency_code,
        cast(null as {{ dbt.type_string() }}) as incident_cause,
        leak_amount,
        expected_value_amount,
        actual_value_amount,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        payout_on,
        closed_at as due_at,
        known_at
    from batch_facts
),

-- One exception a payment; they share a cause by provider, month and kind, so that one claim is made of many.
fee_exceptions as (
    select
        case fee_status_code
            when 'CURRENCY' then 'FEE_CURRENCY'
            when 'MISSING' then 'FEE_MISSING'
            else 'FEE_VARIANCE'
        end as exception_code,
        'settlement' as leg_code,
        tenant,
        recon_key,
        batch_id || '/' || cast(line_no as {{ dbt.type_string() }}) as fact_key,
        coalesce(payment_ref, batch_id || '/' || cast(line_no as {{ dbt.type_string() }})) as native_ref,
        source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,
        currency_code,
        'exception' as status_code,
        provider as rail_code,
        currency_code as event_currency_code,
        'fee ' || provider || ' ' || lower(fee_status_code) || ' '
        || substring(cast(coalesce(event_on, cast(known_at as date)) as {{ dbt.type_string() }}), 1, 7)
            as incident_cause,
        {{ money('abs(charged_amount - scheduled_amount)') }} as leak_amount,
        scheduled_amount as expected_value_amount,
        charged_amount as actual_value_amount,
        case when charged_amount < scheduled_amount then 'owed' end as leak_kind,
        event_on as payout_on,
        known_at as due_at,
        known_at
    from {{ ref('int_settlement_fees__compared') }}
),

unioned as (
    select * from fee_exceptions
    union all
    select * from payment_groups
    union all
    select * from batch_groups
    union all
    select * from batch_exceptions
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        '' as line_key,
        fact_key,
        native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'FX_RATE_MISSING' then
                'Payment ' || native_ref || ' of ' || {{ amount_text('leak_amount') }} || ' ' || event_currency_code
                || ' was settled in another currency, and no rate is known for the day: load the rate.'
            when 'FX_DIFF_UNEXPLAINED' then
                'Payment ' || native_ref || ' was settled with ' || {{ amount_text('actual_value_amount') }} || ' '
                || currency_code || '; at its own rate it comes to '
                || {{ amount_text('expected_value_amount') }} || '.'
            when 'CB_WON_NOT_CREDITED' then
                'The dispute was won with ' || native_ref || ', but no settlement gave back the '
                || {{ amount_text('leak_amount') }} || ' ' || currency_code || '.'
            when 'SET_MISSING' then
                'Payment ' || native_ref || ' of ' || {{ amount_text('expected_value_amount') }} || ' ' || currency_code
                || ' is in no settlement; by its rail (' || rail_code || ') it was due on '
                || coalesce(cast(cast(due_at as date) as {{ dbt.type_string() }}), '') || '.'
            when 'SET_AMOUNT' then
                'Payment ' || native_ref || ' came to ' || {{ amount_text('expected_value_amount') }} || ' '
                || currency_code || ' and was settled with ' || {{ amount_text('actual_value_amount') }} || '.'
            when 'KEY_ORPHAN_RIGHT' then
                'Lines of ' || {{ amount_text('expected_value_amount') }} || ' ' || currency_code
                || ' name batch ' || native_ref || ', a batch that nobody has reported.'
            when 'SET_UNATTRIBUTABLE' then
                'Batch ' || native_ref || ' of ' || {{ amount_text('actual_value_amount') }} || ' ' || currency_code
                || case
                    when match_id is null
                    then ' has lines in another currency than its own: its net cannot be proven by them.'
                    else ' has no lines: it is proven by the balance alone and given to no payment.'
                end
            when 'ING_FILE_FOOTING' then
                case
                    when actual_value_amount = expected_value_amount
                    then 'The nets of lines are off by ' || {{ amount_text('leak_amount') }} || ' ' || currency_code
                        || ' in all against their gross and fees, though the sum holds. '
                    else ''
                end
                || 'Batch ' || native_ref || ' states ' || {{ amount_text('actual_value_amount') }} || ' '
                || currency_code
                || '; its lines come to ' || {{ amount_text('expected_value_amount') }} || ', which is used instead.'
            when 'SET_NEGATIVE' then
                'Batch ' || native_ref || ' nets to ' || {{ amount_text('actual_value_amount') }} || ' '
                || currency_code
                || ': more was taken back than came in.'
            when 'FEE_CURRENCY' then
                'A fee of ' || {{ amount_text('actual_value_amount') }} || ' ' || currency_code || ' (' || native_ref
                || ') was taken by ' || rail_code || ' in another currency than the batch is paid in.'
            when 'FEE_MISSING' then
                rail_code || ' took no fee for ' || native_ref || '; by its schedule it is '
                || {{ amount_text('expected_value_amount') }} || ' ' || currency_code || '.'
            when 'FEE_VARIANCE' then
                rail_code || ' took ' || {{ amount_text('actual_value_amount') }} || ' ' || currency_code || ' for '
                || native_ref || '; by its schedule of the day of the capture it is '
                || {{ amount_text('expected_value_amount') }} || '.'
            when 'SET_PAYOUT_FAILED' then
                'The payout of batch ' || native_ref || ' over ' || {{ amount_text('leak_amount') }} || ' '
                || currency_code || ' failed and was not made again.'
            else
                'Batch ' || native_ref || ' held back ' || {{ amount_text('expected_value_amount') }} || ' '
                || currency_code || ', and what came after released ' || {{ amount_text('actual_value_amount') }} || '.'
        end as explanation,
        leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        incident_cause,

        ---------- numerics
        leak_amount,
        expected_value_amount,
        actual_value_amount,

        ---------- timestamps
        coalesce(case when exception_code in ('SET_MISSING', 'CB_WON_NOT_CREDITED') then due_at end, known_at, due_at)
            as opened_at
    from unioned
)

select * from final
