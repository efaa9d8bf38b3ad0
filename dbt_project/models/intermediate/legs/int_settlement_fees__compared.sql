-- Grain: one row per settlement line whose fee is not what the provider's schedule says, or is in another currency.
-- Trap: the schedule is that of the day of the capture, not of the settlement. Tax on a fee is compared apart from
-- the fee. A provider without a schedule is not compared.

with fee_schedules as (
    select * from {{ ref('fee_schedules') }}
),

providers_with_schedule as (
    -- distinct: a provider has several rules
    select distinct provider from fee_schedules
),

batches as (
    select
        source,
        tenant,
        source_system,
        source_instance,
        batch_id,
        provider,
        currency_code
    from {{ ref('int_settlement_batches__computed') }}
    where has_header
),

lines as (
    select
        lines.source,
        lines.stream,
        lines._row_key,
        lines.tenant,
        lines.source_system,
        lines.batch_id,
        lines.line_no,
        lines.payment_ref,
        lines.anchor_key,
        lines.recon_key,
        lines.type_code,
        lines.is_direct,
        lines.has_fee,
        lines.currency_code,
        lines.gross_amount,
        {{ money('abs(lines.fee_amount)') }} as fee_amount,
        {{ money('abs(lines.fee_tax_amount)') }} as fee_tax_amount,
        lines.known_at,
        batches.provider,
        batches.currency_code as batch_currency_code
    from {{ ref('int_settlement_lines__resolved') }} as lines
    inner join batches
        on lines.source = batches.source
        and lines.tenant = batches.tenant
        and lines.source_system = batches.source_system
        and lines.source_instance = batches.source_instance
        and lines.batch_id = batches.batch_id
),

events as (
    select
        event_key,
        min(event_on) as event_on,
        coalesce(min(method_code), '') as method_code
    from {{ ref('int_settlement_events') }}
    group by event_key
),

currencies as (
    select * from {{ ref('currencies') }}
),

scheduled_lines as (
    select
        lines.*,
        events.event_on,
        events.method_code,
        currencies.exponent
    from lines
    inner join providers_with_schedule
        on lines.provider = providers_with_schedule.provider
    inner join events
        on lines.anchor_key = events.event_key
    inner join currencies
        on lines.currency_code = currencies.currency_code
    where lines.is_direct
),

-- distinct: few kinds of line stand for all of them
kinds_of_lines as (
    select distinct
        provider,
        method_code,
        currency_code,
        type_code
    from scheduled_lines
),

-- The rules that say most about a kind of line: its own method goes before its own currency, both before any.
ranked_rules as (
    select
        kinds_of_lines.provider,
        kinds_of_lines.method_code,
        kinds_of_lines.currency_code,
        kinds_of_lines.type_code,
        fee_schedules.rule_id,
        fee_schedules.effective_from,
        fee_schedules.effective_to,
        fee_schedules.fee_rate,
        fee_schedules.fixed_amount,
        fee_schedules.tax_rate,
        fee_schedules.tolerance_minor,
        dense_rank() over (
            partition by
                kinds_of_lines.provider, kinds_of_lines.method_code, kinds_of_lines.currency_code,
                kinds_of_lines.type_code
            order by
                case when fee_schedules.method_code = '*' then 1 else 0 end nulls last,
                case when fee_schedules.currency_code = '*' then 1 else 0 end nulls last
        ) as place
    from kinds_of_lines
    inner join fee_schedules
        on kinds_of_lines.provider = fee_schedules.provider
        and kinds_of_lines.type_code = fee_schedules.line_type_code
        and (fee_schedules.method_code = '*' or kinds_of_lines.method_code = fee_schedules.method_code)
        and (fee_schedules.currency_code = '*' or kinds_of_lines.currency_code = fee_schedules.currency_code)
),

compared as (
    select
        scheduled_lines.*,
        {{ rounded_to(
            wide('abs(scheduled_lines.gross_amount)') ~ ' * ranked_rules.fee_rate + ranked_rules.fixed_amount',
            'scheduled_lines.exponent',
        ) }} as scheduled_fee_amount,
        case
            when ranked_rules.tax_rate is null then scheduled_lines.fee_tax_amount
            else {{ rounded_to(wide('scheduled_lines.fee_amount') ~ ' * ranked_rules.tax_rate', 'scheduled_lines.exponent') }}
        end as scheduled_tax_amount,
        {{ money('ranked_rules.tolerance_minor * 2 * (' ~ half_minor_unit('scheduled_lines.exponent') ~ ')') }}
            as tolerance_amount
    from scheduled_lines
    inner join ranked_rules
        on scheduled_lines.provider = ranked_rules.provider
        and scheduled_lines.method_code = ranked_rules.method_code
        and scheduled_lines.currency_code = ranked_rules.currency_code
        and scheduled_lines.type_code = ranked_rules.type_code
        and scheduled_lines.event_on >= ranked_rules.effective_from
        and scheduled_lines.event_on < coalesce(ranked_rules.effective_to, {{ end_of_time() }})
    where ranked_rules.place = 1
),

fees_off as (
    select
        case
            when fee_amount = 0 and scheduled_fee_amount > tolerance_amount then 'MISSING'
            else 'VARIANCE'
        end as fee_status_code,
        source,
        stream,
        _row_key,
        tenant,
        source_system,
        provider,
        batch_id,
        line_no,
        payment_ref,
        recon_key,
        currency_code,
        {{ money('scheduled_fee_amount + scheduled_tax_amount') }} as scheduled_amount,
        {{ money('fee_amount + fee_tax_amount') }} as charged_amount,
        event_on,
        known_at
    from compared
    where abs(fee_amount - scheduled_fee_amount) > tolerance_amount
        or abs(fee_tax_amount - scheduled_tax_amount) > tolerance_amount
),

fees_abroad as (
    select
        'CURRENCY' as fee_status_code,
        source,
        stream,
        _row_key,
        tenant,
        source_system,
        provider,
        batch_id,
        line_no,
        payment_ref,
        recon_key,
        currency_code,
        {{ money('0') }} as scheduled_amount,
        {{ money('abs(gross_amount)') }} as charged_amount,
        cast(null as date) as event_on,
        known_at
    from lines
    where type_code = 'fee'
        and currency_code <> batch_currency_code
),

unioned as (
    select * from fees_off
    union all
    select * from fees_abroad
)

select * from unioned
