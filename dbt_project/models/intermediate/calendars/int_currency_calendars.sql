-- Grain: one row per currency_code, with the calendar on which banks move it.
-- Trap: a currency without a calendar of its own has the default one, currency *.

with currencies as (
    select currency_code from {{ ref('currencies') }}
),

currency_calendars as (
    select * from {{ ref('currency_calendars') }}
),

final as (
    select
        currencies.currency_code,
        coalesce(own_calendars.calendar_code, other_calendars.calendar_code) as calendar_code
    from currencies
    left join currency_calendars as own_calendars
        on currencies.currency_code = own_calendars.currency_code
    left join currency_calendars as other_calendars
        on other_calendars.currency_code = '*'
)

select * from final
