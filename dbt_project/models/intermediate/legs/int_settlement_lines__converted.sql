-- Grain: one row per settlement line in another currency than its payment, with the rate that turns one into the other.
-- Trap: no rate means unknown, never 1: has_rate is false and the line is worth nothing until the rate is loaded,
-- unless the line itself states what it settles in the payment's currency.

with foreign_lines as (
    select * from {{ ref('int_settlement_lines__resolved') }}
    where is_evidence
        and is_direct
        and currency_code <> event_currency_code
),

event_amounts as (
    select
        event_key,
        {{ money('sum(event_amount)') }} as event_amount
    from {{ ref('int_settlement_events') }}
    group by event_key
),

fx_rates as (
    select
        tenant,
        from_currency_code,
        to_currency_code,
        rate_on,
        min(fx_rate) as fx_rate
    from {{ ref('int_fx_rates__latest') }}
    group by tenant, from_currency_code, to_currency_code, rate_on
),

currencies as (
    select * from {{ ref('currencies') }}
),

fx_rules as (
    select * from {{ ref('fx_rules') }}
),

lines_counted as (
    select
        anchor_key,
        count(*) as line_count
    from foreign_lines
    group by anchor_key
),

with_rates as (
    select
        foreign_lines.*,
        event_amounts.event_amount,
        currencies.exponent,
        coalesce(foreign_lines.posted_on, cast({{ as_of() }} as date)) as ruled_on,
        coalesce(foreign_lines.fx_rate, fx_rates.fx_rate) as rate,
        case when foreign_lines.fx_rate is not null then 'line' else 'table' end as rate_origin,
        coalesce(
            foreign_lines.source_currency_code = foreign_lines.event_currency_code
            and foreign_lines.source_amount is not null,
            false
        ) as states_source,
        case
            when foreign_lines.source_currency_code = foreign_lines.event_currency_code
            then foreign_lines.source_amount
            -- A single line that does not say what it settles settles the whole event.
            when lines_counted.line_count = 1 then event_amounts.event_amount
        end as settled_amount
    from foreign_lines
    inner join lines_counted
        on foreign_lines.anchor_key = lines_counted.anchor_key
    inner join event_amounts
        on foreign_lines.anchor_key = event_amounts.event_key
    inner join currencies
        on foreign_lines.currency_code = currencies.currency_code
    left join fx_rates
        on foreign_lines.tenant = fx_rates.tenant
        and foreign_lines.event_currency_code = fx_rates.from_currency_code
        and foreign_lines.currency_code = fx_rates.to_currency_code
        and foreign_lines.posted_on = fx_rates.rate_on
),

final as (
    select
        with_rates.source,
        with_rates.stream,
        with_rates._row_key,
        with_rates.tenant,
        with_rates.anchor_key,
        with_rates.recon_key,
        with_rates.currency_code,
        with_rates.event_currency_code,
        with_rates.gross_amount,
        with_rates.settled_amount,
        with_rates.rate,
        with_rates.rate is not null or with_rates.states_source as has_rate,
        with_rates.states_source,
        -- A provider that states both amounts and no rate has converted: there is nothing to prove it against.
        case
            when with_rates.rate is null then with_rates.gross_amount
            else {{ rounded_to(wide('with_rates.settled_amount') ~ ' * with_rates.rate', 'with_rates.exponent') }}
        end as converted_amount,
        {{ money(half_minor_unit('with_rates.exponent') ~ ' * 2') }}
        + {{ money(wide('abs(with_rates.gross_amount)') ~ ' * fx_rules.tolerance_rate') }} as tolerance_amount,
        with_rates.posted_on
    from with_rates
    left join fx_rules
        on with_rates.rate_origin = fx_rules.rate_origin
        and with_rates.ruled_on >= fx_rules.effective_from
        and with_rates.ruled_on < coalesce(fx_rules.effective_to, {{ end_of_time() }})
)

select * from final
