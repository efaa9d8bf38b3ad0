-- Grain: one row per order with services over time: what each line earns in each month.
-- Trap: each amendment is earned by its treatment and the convention of days that its rule names. Months are rounded as
-- they add up, so a line's months come to its amount exactly. Tax is no revenue.

with pieces as (
    select
        pieces.*,
        order_lines.canonical_line_no,
        order_lines.sku
    from {{ ref('int_revenue_pieces') }} as pieces
    inner join {{ ref('int_order_lines__billable') }} as order_lines
        on pieces.line_key = order_lines.line_key
    where pieces.treatment_code is not null
        and (pieces.spread_basis_code is null or pieces.spread_basis_code = pieces.day_count_code)
),

-- Whoever has an amendment that nobody knows how to treat gets no schedule until it is known.
untreated_orders as (
    -- distinct: an order may have several such amendments
    select distinct recon_key from {{ ref('int_revenue_pieces') }}
    where treatment_code is null
),

months as (
    select
        cast({{ dbt.date_trunc('month', 'date_on') }} as date) as month_on,
        max(date_on) as last_on
    from {{ ref('int_business_days') }}
    where calendar_code = 'WEEKDAYS'
    group by cast({{ dbt.date_trunc('month', 'date_on') }} as date)
),

earned_by_then as (
    select
        pieces.recon_key,
        pieces.line_key,
        pieces.document_ref,
        pieces.document_line_no,
        pieces.part_code,
        pieces.canonical_line_no,
        pieces.sku,
        months.month_on,
        {{ earned_by('pieces', 'pieces.treatment_code', 'pieces.day_count_code', 'months.month_on', 'months.last_on') }}
            as amount_by_then
    from pieces
    inner join months
        on pieces.line_end_on >= months.month_on
        and pieces.line_start_on <= months.last_on
    left join untreated_orders
        on pieces.recon_key = untreated_orders.recon_key
    where untreated_orders.recon_key is null
),

earned_by_piece as (
    select
        recon_key,
        line_key,
        canonical_line_no,
        sku,
        month_on,
        {{ money("""
            amount_by_then - coalesce(
                lag(amount_by_then) over (partition by line_key, document_ref, document_line_no, part_code
                    order by month_on nulls last), 0
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
    from earned_by_piece
    group by recon_key, canonical_line_no, sku, month_on
    having sum(earned_amount) <> 0
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
