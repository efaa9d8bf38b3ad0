-- Grain: one row per line of an amendment that takes effect before the end of a period billed before it was booked.
-- Trap: catch_up_amount is the part for the periods that were billed already; the rest of the change is billed with the
-- periods to come. What lowers the amount is a credit, and stands on the legs as one.

with amended as (
    select
        contributed.line_key,
        contributed.recon_key,
        contributed.document_ref,
        contributed.net_amount,
        contributed.exponent,
        contributed.ordered_at,
        greatest(coalesce(contributed.service_start_on, contributed.effective_on), contributed.effective_on) as start_on,
        coalesce(contributed.service_end_on, order_lines.service_end_on) as end_on
    from {{ ref('int_order_lines__contributed') }} as contributed
    inner join {{ ref('int_order_lines__billable') }} as order_lines
        on contributed.line_key = order_lines.line_key
    where contributed.is_amendment
        and contributed.net_amount > 0
        and contributed.effective_on < cast(contributed.ordered_at as date)
),

-- Invoices without periods were for all of the service.
billed as (
    select
        placed.recon_key,
        placed.line_key,
        placed.issued_at,
        placed.service_end_on
    from {{ ref('int_invoice_rows__placed') }} as placed
    where placed.is_live
        and not placed.is_credit
        and placed.recon_key is not null
        and (placed.row_kind = 'LINE' or placed.line_count = 0)
),

billed_until as (
    select
        amended.line_key,
        amended.document_ref,
        max(least(coalesce(billed.service_end_on, amended.end_on), amended.end_on)) as billed_until_on
    from amended
    inner join billed
        on amended.recon_key = billed.recon_key
        and coalesce(billed.line_key, amended.line_key) = amended.line_key
    where billed.issued_at < amended.ordered_at
    group by amended.line_key, amended.document_ref
),

final as (
    select
        ---------- keys
        amended.line_key,
        amended.recon_key,
        amended.document_ref,

        ---------- numerics
        amended.net_amount,
        case
            when amended.end_on is null or amended.end_on <= billed_until.billed_until_on then amended.net_amount
            -- Whole months on both sides are counted by months, anything else by days.
            when extract(day from amended.start_on) = 1
                and extract(day from {{ dbt.dateadd('day', 1, 'billed_until.billed_until_on') }}) = 1
                and extract(day from {{ dbt.dateadd('day', 1, 'amended.end_on') }}) = 1
            then {{ part_of(
                'amended.net_amount',
                months_touched('amended.start_on', 'billed_until.billed_until_on'),
                months_touched('amended.start_on', 'amended.end_on'),
                'amended.exponent'
            ) }}
            else {{ part_of(
                'amended.net_amount',
                '(' ~ days_between('amended.start_on', 'billed_until.billed_until_on') ~ ' + 1)',
                '(' ~ days_between('amended.start_on', 'amended.end_on') ~ ' + 1)',
                'amended.exponent'
            ) }}
        end as catch_up_amount,

        ---------- dates
        amended.start_on,
        billed_until.billed_until_on
    from amended
    inner join billed_until
        on amended.line_key = billed_until.line_key
        and amended.document_ref = billed_until.document_ref
    where amended.end_on is null
        or billed_until.billed_until_on >= amended.start_on
)

select * from final
