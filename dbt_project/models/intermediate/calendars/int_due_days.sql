-- Grain: one row per (calendar_code, lag_business_days, from_on): the day on which something is due.
-- Trap: only the lags that a policy names are here; a lag from a Saturday counts from the Friday before it.

with business_days as (
    select * from {{ ref('int_business_days') }}
),

-- union, not union all: each lag once
lags as (
    select lag_business_days from {{ ref('payment_rails') }}
    union
    select bank_lag_business_days as lag_business_days from {{ ref('payment_rails') }}
    union
    select lag_business_days from {{ ref('payout_windows') }}
),

due_days as (
    select
        calendar_code,
        business_day_no,
        date_on
    from business_days
    where is_business_day
),

-- Grouped, although the rows are unique: else the planner joins the days on their calendar alone, all with all.
wanted_days as (
    select
        business_days.calendar_code,
        lags.lag_business_days,
        business_days.date_on,
        business_days.business_day_no + lags.lag_business_days as due_day_no
    from business_days
    cross join lags
    group by
        business_days.calendar_code, lags.lag_business_days, business_days.date_on,
        business_days.business_day_no + lags.lag_business_days
),

final as (
    select
        wanted_days.calendar_code,
        wanted_days.lag_business_days,
        wanted_days.date_on as from_on,
        greatest(due_days.date_on, wanted_days.date_on) as due_on
    from wanted_days
    inner join due_days
        on wanted_days.calendar_code = due_days.calendar_code
        and wanted_days.due_day_no = due_days.business_day_no
)

select * from final
