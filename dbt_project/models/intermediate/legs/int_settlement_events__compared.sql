-- Grain: one row per payment event that a settlement must show, with the anchor and the currency it is compared in.
-- Trap: an event whose lines are in one other currency is compared in that currency: expected_amount is then the
-- event at the rate of its day (or of the charge that it takes back), explained_amount the event at its lines' rates.

with events as (
    select * from {{ ref('int_settlement_events') }}
    where not is_test
),

lines as (
    select
        tenant,
        recon_key,
        anchor_key,
        type_code,
        currency_code,
        is_direct
    from {{ ref('int_settlement_lines__resolved') }}
    where is_evidence
        and anchor_key is not null
),

lines_summed_to_events as (
    select
        anchor_key as event_key,
        count(*) as line_count,
        min(currency_code) as first_currency_code,
        max(currency_code) as last_currency_code
    from lines
    where is_direct
    group by anchor_key
),

-- distinct: several lines may speak of one order and type
orders_spoken_of as (
    select distinct
        recon_key,
        type_code as line_type_code,
        anchor_key
    from lines
    where not is_direct
),

converted_lines as (
    select * from {{ ref('int_settlement_lines__converted') }}
),

lines_converted as (
    select
        anchor_key as event_key,
        count(*) as line_count,
        min(currency_code) as currency_code,
        {{ money('sum(gross_amount)') }} as gross_amount,
        {{ money('sum(settled_amount)') }} as settled_amount,
        {{ money('sum(converted_amount)') }} as converted_amount,
        {{ money('sum(tolerance_amount)') }} as tolerance_amount,
        min(rate) as least_rate,
        max(rate) as most_rate,
        min(case when has_rate and settled_amount is not null then 1 else 0 end) = 1 as is_convertible,
        min(case when has_rate then 1 else 0 end) = 1 as has_rates,
        min(case when states_source then 1 else 0 end) = 1 as states_sources
    from converted_lines
    group by anchor_key
),

-- What an order's charges came to abroad: a refund gives the same money back at another rate.
charges_converted as (
    select
        converted_lines.recon_key,
        converted_lines.event_currency_code,
        converted_lines.currency_code,
        {{ money('sum(converted_lines.settled_amount)') }} as settled_amount,
        {{ money('sum(converted_lines.gross_amount)') }} as gross_amount,
        case when min(converted_lines.rate) = max(converted_lines.rate) then min(converted_lines.rate) end as rate
    from converted_lines
    inner join events
        on converted_lines.anchor_key = events.event_key
    where events.line_type_code = 'payment'
        and converted_lines.recon_key is not null
    group by converted_lines.recon_key, converted_lines.event_currency_code, converted_lines.currency_code
),

fx_rates as (
    select
        tenant,
        from_currency_code,
        to_currency_code,
        rate_on,
        min(fx_rate) as rate
    from {{ ref('int_fx_rates__latest') }}
    group by tenant, from_currency_code, to_currency_code, rate_on
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- A rail that may go either way goes through a provider where the provider's statements name its payments.
rails_of_providers as (
    -- distinct: a rail has many payments
    select distinct
        events.tenant,
        events.rail_code
    from events
    inner join lines_summed_to_events
        on events.event_key = lines_summed_to_events.event_key
    where events.settles_via = 'psp_or_bank'
),

joined as (
    select
        events.*,
        coalesce(orders_spoken_of.anchor_key, events.event_key) as anchor_key,
        lines_summed_to_events.event_key is not null or orders_spoken_of.anchor_key is not null as is_named,
        rails_of_providers.rail_code is not null as is_rail_of_provider,
        coalesce(lines_converted.line_count, 0) > 0 as has_foreign_lines,
        coalesce(
            lines_converted.has_rates
            and (lines_converted.most_rate is not null or lines_converted.settled_amount = events.event_amount)
            and lines_converted.line_count = lines_summed_to_events.line_count
            and lines_summed_to_events.first_currency_code = lines_summed_to_events.last_currency_code,
            false
        ) as is_compared_abroad,
        coalesce(lines_converted.states_sources, false) as states_sources,
        lines_converted.currency_code as foreign_currency_code,
        lines_converted.gross_amount as foreign_gross_amount,
        lines_converted.settled_amount,
        lines_converted.converted_amount,
        lines_converted.tolerance_amount,
        coalesce(lines_converted.is_convertible, false) as is_convertible,
        case when events.line_type_code <> 'payment' then charges_converted.rate end as charge_rate,
        case
            when events.line_type_code <> 'payment' and events.event_amount = charges_converted.settled_amount
            then charges_converted.gross_amount
            when events.line_type_code <> 'payment' and events.event_amount = -charges_converted.settled_amount
            then {{ money('-charges_converted.gross_amount') }}
        end as charge_amount,
        fx_rates.rate as day_rate,
        case when lines_converted.least_rate = lines_converted.most_rate then lines_converted.least_rate end
            as line_rate,
        lines_converted.most_rate,
        currencies.exponent
    from events
    left join lines_summed_to_events
        on events.event_key = lines_summed_to_events.event_key
    left join orders_spoken_of
        on case when lines_summed_to_events.event_key is null then events.recon_key end = orders_spoken_of.recon_key
        and events.line_type_code = orders_spoken_of.line_type_code
    left join rails_of_providers
        on events.tenant = rails_of_providers.tenant
        and events.rail_code = rails_of_providers.rail_code
    left join lines_converted
        on events.event_key = lines_converted.event_key
    left join currencies
        on lines_converted.currency_code = currencies.currency_code
    left join charges_converted
        on events.recon_key = charges_converted.recon_key
        and events.currency_code = charges_converted.event_currency_code
        and lines_converted.currency_code = charges_converted.currency_code
    left join fx_rates
        on events.tenant = fx_rates.tenant
        and events.currency_code = fx_rates.from_currency_code
        and lines_converted.currency_code = fx_rates.to_currency_code
        and events.event_on = fx_rates.rate_on
),

converted as (
    select
        joined.*,
        is_convertible and settled_amount = event_amount as is_settled_in_full,
        is_convertible
        and settled_amount = event_amount
        and abs(foreign_gross_amount - converted_amount) <= tolerance_amount as is_proven,
        -- The event at the rate that held before the settlement, or at the settlement's own where none is known.
        case
            when is_convertible and settled_amount = event_amount and charge_amount is not null then charge_amount
            when is_convertible and settled_amount = event_amount and charge_rate is null and day_rate is null
            then converted_amount
            when is_convertible and settled_amount = event_amount
            then {{ rounded_to(wide('event_amount') ~ ' * coalesce(charge_rate, day_rate)', 'exponent') }}
            when most_rate is not null
            then {{ rounded_to(wide('event_amount') ~ ' * coalesce(line_rate, most_rate)', 'exponent') }}
        end as abroad_amount
    from joined
),

final as (
    select
        ---------- keys
        anchor_key,
        event_key,
        tenant,
        payment_id,
        order_ref,
        invoice_ref,
        customer_id,
        recon_key,
        source,
        source_system,

        ---------- strings
        kind_code,
        rail_code,
        settles_via,
        currency_code as event_currency_code,
        case when is_compared_abroad then foreign_currency_code else currency_code end as currency_code,
        case
            when not is_compared_abroad or not is_proven then null
            when abroad_amount = converted_amount then 'ROUNDING'
            else 'FX'
        end as explained_class,
        case
            when has_foreign_lines and not is_compared_abroad and not states_sources then 'RATE_MISSING'
            when is_compared_abroad and is_settled_in_full and not is_proven then 'UNEXPLAINED'
        end as fx_status_code,

        ---------- numerics
        event_amount,
        case when is_compared_abroad then abroad_amount else event_amount end as expected_amount,
        case when is_compared_abroad and is_proven then foreign_gross_amount end as explained_amount,
        converted_amount,
        foreign_gross_amount,

        ---------- booleans
        has_foreign_lines and not is_compared_abroad as is_compared_at_home,
        is_named,
        is_expected,
        is_rail_of_provider,
        is_charge_deducted,
        is_expected
        and (settles_via = 'psp' or (settles_via = 'psp_or_bank' and is_rail_of_provider))
        or is_named as is_settled_by_provider,

        ---------- dates
        event_on,

        ---------- timestamps
        event_at,
        settlement_due_at,
        bank_due_at
    from converted
)

select * from final
