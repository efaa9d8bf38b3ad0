-- Grain: one row per order line and month (UTC) in which it was invoiced for goods that left in other months:
-- (line_key, invoiced_month_on).
-- Trap: what was billed and never left, or left and was never billed, is no matter of months and not in it. Credits are
-- not looked at: what was billed, credited and billed again is held against the goods once, for they left once.

with billed as (
    select
        placed.line_key,
        cast({{ dbt.date_trunc('month', 'placed.issued_at') }} as date) as month_on,
        {{ quantity('sum(coalesce(placed.quantity, 0))') }} as billed_quantity,
        {{ money('sum(placed.net_amount)') }} as billed_amount,
        max(case when placed.quantity > 0 then 0 else 1 end) as is_uncounted,
        min(placed.issued_at) as first_issued_at,
        max(placed.known_at) as known_at
    from {{ ref('int_invoice_rows__placed') }} as placed
    left join {{ ref('int_invoice_rows__apart') }} as apart
        on placed.source = apart.source
        and placed.stream = apart.stream
        and placed._row_key = apart._row_key
    where placed.row_kind = 'LINE'
        and placed.is_live
        and not placed.is_credit
        and placed.line_key is not null
        and placed.net_amount > 0
        and apart._row_key is null
    group by placed.line_key, cast({{ dbt.date_trunc('month', 'placed.issued_at') }} as date)
),

shipped as (
    select
        line_key,
        cast({{ dbt.date_trunc('month', 'event_at') }} as date) as month_on,
        {{ quantity('sum(quantity)') }} as shipped_quantity,
        max(event_at) as last_shipped_at,
        max(known_at) as known_at
    from {{ ref('int_shipment_lines__resolved') }}
    where line_key is not null
        and not is_return
        and quantity > 0
    group by line_key, cast({{ dbt.date_trunc('month', 'event_at') }} as date)
),

-- Lines billed without a quantity went out as a whole: their one question is whether a month of theirs was another.
lines_billed as (
    select
        line_key,
        max(is_uncounted) as is_uncounted,
        max(month_on) as last_month_on
    from billed
    group by line_key
),

months as (
    select
        coalesce(billed.line_key, shipped.line_key) as line_key,
        coalesce(billed.month_on, shipped.month_on) as month_on,
        billed.month_on is not null as is_billed,
        shipped.month_on is not null as is_shipped,
        billed.billed_quantity,
        billed.billed_amount,
        billed.first_issued_at,
        shipped.last_shipped_at,
        billed.known_at as billed_known_at,
        shipped.known_at as shipped_known_at,
        {{ quantity('greatest(coalesce(billed.billed_quantity, 0) - coalesce(shipped.shipped_quantity, 0), 0)') }}
            as ahead_quantity,
        {{ quantity('greatest(coalesce(shipped.shipped_quantity, 0) - coalesce(billed.billed_quantity, 0), 0)') }}
            as behind_quantity
    from billed
    full outer join shipped
        on billed.line_key = shipped.line_key
        and billed.month_on = shipped.month_on
),

-- Of what was billed ahead or late, in the order of months, as much as goods left in other months.
spread as (
    select
        months.*,
        lines_billed.is_uncounted,
        {{ quantity('sum(months.behind_quantity) over (partition by months.line_key)') }} as elsewhere_quantity,
        {{ quantity("""
            sum(months.ahead_quantity) over (
                partition by months.line_key
                order by months.month_on asc nulls last
                rows between unbounded preceding and current row
            )
        """) }} as ahead_so_far_quantity,
        max(case when months.behind_quantity > 0 then months.last_shipped_at end)
            over (partition by months.line_key) as left_elsewhere_at,
        max(months.shipped_known_at) over (partition by months.line_key) as last_shipment_known_at
    from months
    inner join lines_billed
        on months.line_key = lines_billed.line_key
),

counted as (
    select
        *,
        {{ quantity("""
            greatest(
                ahead_quantity - greatest(ahead_so_far_quantity - elsewhere_quantity, 0),
                0
            )
        """) }} as cut_quantity
    from spread
    where is_uncounted = 0
        and is_billed
        and ahead_quantity > 0
),

uncounted as (
    select
        lines_billed.line_key,
        lines_billed.last_month_on,
        {{ money('sum(coalesce(months.billed_amount, 0))') }} as billed_amount,
        min(months.first_issued_at) as first_issued_at,
        max(months.last_shipped_at) as last_shipped_at,
        max(greatest(
            coalesce(months.billed_known_at, months.shipped_known_at),
            coalesce(months.shipped_known_at, months.billed_known_at)
        )) as last_known_at
    from lines_billed
    inner join months
        on lines_billed.line_key = months.line_key
    where lines_billed.is_uncounted = 1
    group by lines_billed.line_key, lines_billed.last_month_on
    having max(case when months.is_billed and not months.is_shipped then 1 else 0 end) = 1
        and max(case when months.is_shipped then 1 else 0 end) = 1
),

final as (
    select
        ---------- keys
        line_key,

        ---------- numerics
        case
            when cut_quantity = billed_quantity then billed_amount
            else {{ shared_amount('billed_amount', 'cut_quantity', 'billed_quantity') }}
        end as cut_off_amount,

        ---------- dates
        month_on as invoiced_month_on,

        ---------- timestamps
        first_issued_at,
        left_elsewhere_at as last_shipped_at,
        greatest(billed_known_at, last_shipment_known_at) as last_known_at
    from counted
    where cut_quantity > 0
    union all
    select
        line_key,
        billed_amount as cut_off_amount,
        last_month_on as invoiced_month_on,
        first_issued_at,
        last_shipped_at,
        last_known_at
    from uncounted
)

select * from final
