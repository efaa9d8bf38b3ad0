-- Grain: one row per group of the revenue leg that disagrees, and per order line whose schedule comes to the right
-- total in the wrong months.
-- Trap: months may be equal parts or counted by days: only what fits neither is wrong.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'revenue'
),

orders as (
    select
        recon_key,
        order_id,
        source_system
    from {{ ref('int_orders') }}
),

order_lines as (
    select * from {{ ref('int_order_lines__billable') }}
),

-- An order of which nothing is scheduled is one fact, however many lines it has.
unscheduled as (
    select
        recon_key,
        min(match_id) as first_match_id,
        {{ money('sum(expected_amount)') }} as unscheduled_amount
    from match_groups
    where status_code = 'exception'
        and evidence_count = 0
        and variance_amount < 0
    group by recon_key
),

served_lines as (
    select
        match_groups.match_id,
        match_groups.expected_amount,
        order_lines.line_key,
        order_lines.exponent,
        order_lines.service_start_on,
        order_lines.service_end_on,
        {{ days_between('order_lines.service_start_on', 'order_lines.service_end_on') }} + 1
            as service_days,
        cast(
            (extract(year from order_lines.service_end_on) - extract(year from order_lines.service_start_on)) * 12
            + extract(month from order_lines.service_end_on) - extract(month from order_lines.service_start_on) + 1
            as bigint
        ) as touched_months,
        cast(
            {{ service_months('order_lines.service_start_on', 'order_lines.service_end_on') }} as bigint
        ) as whole_months
    from match_groups
    inner join order_lines
        on match_groups.anchor_key = order_lines.line_key
    where match_groups.status_code = 'matched'
        and match_groups.evidence_count > 0
        and match_groups.expected_amount > 0
        and not order_lines.is_amended
        and order_lines.service_start_on is not null
        and order_lines.service_end_on >= order_lines.service_start_on
),

periods as (
    select
        served_lines.*,
        schedules.revenue_amount,
        cast(schedules.period_code || '-01' as date) as month_on,
        cast({{ dbt.dateadd('month', 1, "cast(schedules.period_code || '-01' as date)") }} as date) as next_month_on
    from served_lines
    inner join {{ ref('int_revenue_rows__placed') }} as schedules
        on served_lines.line_key = schedules.line_key
),

periods_cut as (
    select
        *,
        greatest(month_on, service_start_on) as first_on,
        least(next_month_on, cast({{ dbt.dateadd('day', 1, 'service_end_on') }} as date)) as after_last_on
    from periods
),

period_days as (
    select
        *,
        greatest({{ days_between('first_on', 'after_last_on') }}, 0) as days_in_month
    from periods_cut
),

compared as (
    select
        *,
        case when days_in_month = 0 then {{ money('0') }}
            else {{ shared_amount('expected_amount', '1', 'touched_months') }}
        end as equal_amount,
        case when days_in_month = 0 then {{ money('0') }}
            else {{ shared_amount('expected_amount', '1', 'greatest(whole_months, 1)') }}
        end as monthly_amount,
        {{ shared_amount('expected_amount', 'days_in_month', 'service_days') }} as daily_amount
    from period_days
),

-- Equal parts of the months touched, equal parts of whole months, or days: the best of the three decides.
moved as (
    select
        match_id,
        {{ money('sum(case when revenue_amount > equal_amount then revenue_amount - equal_amount else 0 end)') }}
            as equal_moved_amount,
        {{ money('sum(case when revenue_amount > monthly_amount then revenue_amount - monthly_amount else 0 end)') }}
            as monthly_moved_amount,
        {{ money('sum(case when revenue_amount > daily_amount then revenue_amount - daily_amount else 0 end)') }}
            as daily_moved_amount,
        {{ money('sum(case when days_in_month = 0 then abs(revenue_amount) else 0 end)') }} as outside_amount,
        max(touched_months) * max({{ half_minor_unit('exponent') }}) * 2 as bound_amount
    from compared
    group by match_id
),

shifted as (
    select
        match_id,
        outside_amount,
        case
            when outside_amount > 0 then outside_amount
            else least(equal_moved_amount, monthly_moved_amount, daily_moved_amount)
        end as moved_amount
    from moved
    where outside_amount > 0
        or least(equal_moved_amount, monthly_moved_amount, daily_moved_amount) > bound_amount
),

classified as (
    select
        match_groups.*,
        orders.order_id,
        orders.source_system,
        shifted.moved_amount,
        shifted.outside_amount,
        unscheduled.unscheduled_amount,
        case
            when shifted.match_id is not null then 'REV_PERIOD'
            when match_groups.evidence_count = 0 then 'REV_SCHEDULE_MISSING'
            else 'REV_AMOUNT'
        end as exception_code
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
    left join shifted
        on match_groups.match_id = shifted.match_id
    left join unscheduled
        on case when match_groups.evidence_count = 0 then match_groups.recon_key end = unscheduled.recon_key
    where (match_groups.status_code = 'exception' or shifted.match_id is not null)
        and (unscheduled.recon_key is null or match_groups.match_id = unscheduled.first_match_id)
),

final as (
    select
        ---------- keys
        classified.exception_code,
        classified.leg_code,
        classified.tenant,
        classified.recon_key,
        coalesce(order_lines.line_key, '') as line_key,
        classified.anchor_key || ' ' || classified.currency_code as fact_key,
        classified.order_id as native_ref,
        classified.source_system,
        classified.match_id,

        ---------- strings
        classified.currency_code,
        case classified.exception_code
            when 'REV_SCHEDULE_MISSING' then
                'No revenue of order ' || classified.order_id || ' is scheduled: '
                || {{ amount_text('classified.unscheduled_amount') }} || ' ' || classified.currency_code || ' is to be earned.'
            when 'REV_AMOUNT' then
                'Scheduled ' || {{ amount_text('classified.matched_amount') }} || ' ' || classified.currency_code || ' for '
                || coalesce('line ' || order_lines.canonical_line_no || ' (' || order_lines.sku || ')', 'order ' || classified.order_id)
                || ', which earns ' || {{ amount_text('classified.expected_amount') }} || '.'
            else
                {{ amount_text('classified.moved_amount') }} || ' ' || classified.currency_code || ' of line '
                || coalesce(order_lines.canonical_line_no, '')
                || case when classified.outside_amount > 0
                    then ' is scheduled in months outside its service.'
                    else ' is scheduled in other months than the service runs; the total is right.'
                end
        end as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        case classified.exception_code
            when 'REV_SCHEDULE_MISSING' then classified.unscheduled_amount
            when 'REV_PERIOD' then classified.moved_amount
            else {{ money('abs(classified.variance_amount)') }}
        end as leak_amount,
        classified.expected_amount as expected_value_amount,
        classified.matched_amount as actual_value_amount,

        ---------- timestamps
        case when classified.exception_code = 'REV_SCHEDULE_MISSING'
            then coalesce(classified.due_at, classified.last_known_at)
            else coalesce(classified.last_known_at, classified.due_at)
        end as opened_at
    from classified
    left join order_lines
        on classified.anchor_key = order_lines.line_key
)

select * from final
