-- Grain: one row per (calendar_code, date_on): whether banks work on a day, and which business day it is.
-- Trap: business_day_no counts the business days up to and including date_on: a Saturday bears the Friday's number.

{# The first day is a Monday, so that a day's place in its week is a remainder. #}
{%- set first_monday = '2016-01-04' %}

with digits as (
    {%- for digit in range(10) %}
    select {{ digit }} as digit
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

days as (
    select
        ones.digit + tens.digit * 10 + hundreds.digit * 100 + thousands.digit * 1000 as day_no,
        cast(
            {{ dbt.dateadd(
                'day',
                'ones.digit + tens.digit * 10 + hundreds.digit * 100 + thousands.digit * 1000',
                "cast('" ~ first_monday ~ "' as date)",
            ) }} as date
        ) as date_on
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
),

calendars as (
    select calendar_code from {{ ref('calendars') }}
),

holidays as (
    select
        calendar_code,
        holiday_on
    from {{ ref('holidays') }}
),

marked as (
    select
        calendars.calendar_code,
        days.date_on,
        days.day_no % 7 < 5 and holidays.holiday_on is null as is_business_day
    from days
    cross join calendars
    left join holidays
        on calendars.calendar_code = holidays.calendar_code
        and days.date_on = holidays.holiday_on
),

final as (
    select
        calendar_code,
        date_on,
        is_business_day,
        cast(
            sum(case when is_business_day then 1 else 0 end) over (
                partition by calendar_code
                order by date_on nulls last
                rows between unbounded preceding and current row
            ) as bigint
        ) as business_day_no
    from marked
)

select * from final
