-- Grain: one row per order with services over time: what each line earns in each month.
-- Trap: earned day by day, the last day included, and what an amendment adds over the amendment's own days. Months are
-- rounded as they add up, so the months of a part come to its amount exactly. Tax is no revenue.

with billable as (
    select * from {{ ref('int_order_lines__billable') }}
    where status_code in ('confirmed', 'closed')
        and not is_test
        and not is_cancelled
        and not is_gift_card
),

contributed as (
    select * from {{ ref('int_order_lines__contributed') }}
),

amended_orders as (
    -- distinct: an order has many lines
    select distinct recon_key from contributed
),

-- What an amendment adds is earned over the amendment's own dates, not over the line's.
parts as (
    select
        billable.recon_key,
        billable.line_key,
        billable.line_key as part_key,
        billable.canonical_line_no,
        billable.sku,
        billable.exponent,
        billable.is_tax_included,
        billable.net_amount,
        billable.tax_amount,
        billable.service_start_on,
        billable.service_end_on
    from billable
    left join amended_orders
        on billable.recon_key = amended_orders.recon_key
    where amended_orders.recon_key is null
    union all
    select
        billable.recon_key,
        billable.line_key,
        billable.line_key || '|' || contributed.document_ref || '|' || contributed.line_no as part_key,
        billable.canonical_line_no,
        billable.sku,
        billable.exponent,
        billable.is_tax_included,
        contributed.net_amount,
        contributed.tax_amount,
        coalesce(contributed.service_start_on, billable.service_start_on) as service_start_on,
        coalesce(contributed.service_end_on, billable.service_end_on) as service_end_on
    from billable
    inner join contributed
        on billable.line_key = contributed.line_key
),

lines as (
    select
        *,
        {{ days_between('service_start_on', 'service_end_on') }} + 1 as service_days,
        case
            when is_tax_included then {{ money('net_amount - tax_amount') }}
            else net_amount
        end as earned_amount
    from parts
    where service_start_on <= service_end_on
),

months as (
    select
        cast({{ dbt.date_trunc('month', 'date_on') }} as date) as month_on,
        max(date_on) as last_on
    from {{ ref('int_business_days') }}
    where calendar_code = 'WEEKDAYS'
    group by cast({{ dbt.date_trunc('month', 'date_on') }} as date)
),

line_months as (
    select
        lines.recon_key,
        lines.part_key,
        lines.canonical_line_no,
        lines.sku,
        lines.exponent,
        lines.earned_amount,
        lines.service_days,
        months.month_on,
        {{ days_between('lines.service_start_on', 'least(months.last_on, lines.service_end_on)') }} + 1 as days_by_then
    from lines
    inner join months
        on lines.service_end_on >= months.month_on
        and lines.service_start_on <= months.last_on
    where lines.earned_amount <> 0
),

earned_by_then as (
    select
        *,
        {{ part_of('earned_amount', 'days_by_then', 'service_days', 'exponent') }} as amount_by_then
    from line_months
),

earned_by_part as (
    select
        recon_key,
        canonical_line_no,
        sku,
        month_on,
        {{ money("""
            amount_by_then - coalesce(
                lag(amount_by_then) over (partition by part_key order by month_on nulls last), 0
            )
        """) }} as earned_amount
    from earned_by_then
),

earned as (
    select
        recon_key,
        canonical_line_no,
        sku,
        month_on,
        {{ money('sum(earned_amount)') }} as earned_amount
    from earned_by_part
    group by recon_key, canonical_line_no, sku, month_on
),

period_texts as (
    select
        recon_key,
        earned_amount,
        canonical_line_no || ' ' || cast(month_on as {{ dbt.type_string() }}) as place,
        {{ json_document({
            'amount': amount_text('earned_amount'),
            'line_no': 'canonical_line_no',
            'period': 'substring(cast(month_on as ' ~ dbt.type_string() ~ '), 1, 7)',
            'sku': 'sku',
        }) }} as period_text
    from earned
),

documents as (
    select
        recon_key,
        {{ money('sum(earned_amount)') }} as document_amount,
        {{ json_rows('period_text', 'place') }} as period_texts
    from period_texts
    group by recon_key
),

final as (
    select
        ---------- keys
        documents.recon_key,
        orders.version_no,
        'revenue/' || orders.recon_key as natural_key,

        ---------- strings
        'revenue_schedule' as artifact_kind,
        orders.currency_code,
        {{ json_document(
            {
                'amount': amount_text('documents.document_amount'),
                'currency': 'orders.currency_code',
                'document_no': "'RS-' || orders.order_id",
                'order_id': 'orders.order_id',
                'recon_key': 'orders.recon_key',
            },
            {
                'order_version': "cast(orders.version_no as " ~ dbt.type_string() ~ ")",
                'periods': 'documents.period_texts',
            },
        ) }} as payload,

        ---------- numerics
        documents.document_amount as artifact_amount,

        ---------- booleans
        false as is_provisional
    from documents
    inner join {{ ref('int_orders') }} as orders
        on documents.recon_key = orders.recon_key
)

select * from final
