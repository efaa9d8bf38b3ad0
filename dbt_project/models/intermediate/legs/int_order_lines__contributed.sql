-- Grain: one row per line of an order document of an order that was amended: what that document adds to the line.
-- Trap: only orders with amendments are here; the sum over a line is what the line comes to.

with order_lines as (
    select * from {{ ref('int_order_lines__keyed') }}
    where recon_key is not null
),

amended_orders as (
    -- distinct: an order may be amended several times
    select distinct recon_key from order_lines
    where is_amendment
),

lines_of_amended_orders as (
    select order_lines.*
    from order_lines
    inner join amended_orders
        on order_lines.recon_key = amended_orders.recon_key
),

latest_lines as (
    select
        *,
        row_number() over (
            partition by source, stream, _row_key
            order by changed_at desc nulls last, _row_version desc nulls last
        ) as recency
    from lines_of_amended_orders
),

order_statuses as (
    select * from {{ ref('order_statuses') }}
),

documents as (
    select
        orders._row_key,
        orders.currency_code,
        orders.ordered_at,
        orders.total_amount,
        coalesce(orders.tax_amount, {{ money('0') }}) as tax_amount,
        coalesce(orders.shipping_amount, {{ money('0') }}) as shipping_amount,
        coalesce(orders.tip_amount, {{ money('0') }}) as tip_amount,
        coalesce(orders.is_tax_included, false) as is_tax_included,
        coalesce(orders.effective_on, cast(orders.ordered_at as date)) as effective_on,
        coalesce(order_statuses.status_code, 'confirmed') as status_code
    from {{ ref('int_orders__latest') }} as orders
    left join order_statuses
        on orders.source = order_statuses.source
        and coalesce(orders.native_status, 'confirmed') = order_statuses.native_status
),

order_documents as (
    select
        _row_key,
        order_ref
    from {{ ref('int_order_documents') }}
),

live_lines as (
    select
        latest_lines.*,
        order_documents.order_ref as document_ref,
        documents.currency_code,
        documents.ordered_at,
        documents.effective_on,
        documents.total_amount as document_total_amount,
        documents.tax_amount as document_tax_amount,
        documents.shipping_amount as document_shipping_amount,
        documents.tip_amount as document_tip_amount,
        documents.is_tax_included,
        coalesce(latest_lines.native_status, '') = 'cancelled' as is_cancelled
    from latest_lines
    inner join documents
        on latest_lines._document_key = documents._row_key
    inner join order_documents
        on latest_lines._document_key = order_documents._row_key
    where latest_lines.recency = 1
        and not latest_lines._is_deleted
        and not (latest_lines.is_amendment and documents.status_code in ('cancelled', 'draft'))
),

-- An absolute quantity starts a stretch of changes that count from it.
stretches as (
    select
        *,
        cast(sum(case when is_quantity_delta then 0 else 1 end) over (
            partition by recon_key, canonical_line_no
            order by
                is_amendment nulls last, ordered_at nulls last, document_ref nulls last, line_no nulls last
            rows between unbounded preceding and current row
        ) as bigint) as stretch_no
    from live_lines
),

levels as (
    select
        *,
        {{ quantity("""
            sum(quantity) over (
                partition by recon_key, canonical_line_no, stretch_no
                order by
                    is_amendment nulls last, ordered_at nulls last, document_ref nulls last, line_no nulls last
                rows between unbounded preceding and current row
            )
        """) }} as level_after_quantity
    from stretches
),

changes as (
    select
        *,
        coalesce(
            lag(level_after_quantity) over (
                partition by recon_key, canonical_line_no
                order by
                    is_amendment nulls last, ordered_at nulls last, document_ref nulls last, line_no nulls last
            ),
            {{ quantity('0') }}
        ) as level_before_quantity
    from levels
),

currencies as (
    select * from {{ ref('currencies') }}
),

priced as (
    select
        changes.*,
        currencies.exponent,
        {{ quantity('changes.level_after_quantity - changes.level_before_quantity') }} as changed_quantity,
        cast(
            (changes.level_after_quantity - changes.level_before_quantity) * changes.unit_rate
            as decimal(38, 12)
        ) as list_amount
    from changes
    left join currencies
        on changes.currency_code = currencies.currency_code
),

-- A price a month shows in the footing: the document's total is so many times its lines.
documents_summed as (
    select
        _document_key,
        {{ money('sum(list_amount - discount_amount)') }} as lines_amount,
        {{ money('sum(case when is_tax_included then 0 else tax_amount end)') }} as line_tax_amount,
        max(document_total_amount - document_shipping_amount - document_tip_amount) as total_amount,
        max(case when is_tax_included then 0 else document_tax_amount end) as document_tax_amount,
        max({{ service_months('service_start_on', 'service_end_on') }}) as most_months,
        min({{ service_months('service_start_on', 'service_end_on') }}) as least_months
    from priced
    group by _document_key
),

monthly_documents as (
    select
        _document_key,
        cast(most_months as integer) as month_count
    from documents_summed
    where most_months = least_months
        and most_months > 1
        and lines_amount <> 0
        and (
            {{ money('lines_amount * most_months') }} = total_amount
            or {{ money('lines_amount * most_months + document_tax_amount') }} = total_amount
            or {{ money('lines_amount * most_months + line_tax_amount') }} = total_amount
        )
),

final as (
    select
        ---------- keys
        priced.recon_key || '-' || priced.canonical_line_no as line_key,
        priced.recon_key,
        priced.document_ref,
        priced.canonical_line_no,
        priced.line_no,
        priced.sku,

        ---------- numerics
        case when priced.is_cancelled then {{ quantity('0') }} else priced.changed_quantity end as changed_quantity,
        priced.level_before_quantity,
        priced.level_after_quantity,
        priced.unit_rate,
        coalesce(monthly_documents.month_count, 1) as price_factor,
        priced.exponent,
        case when priced.is_cancelled then {{ money('0') }} else priced.discount_amount end as discount_amount,
        case
            when priced.is_cancelled then {{ money('0') }}
            else {{ rounded_to(
                '(priced.list_amount * coalesce(monthly_documents.month_count, 1) - priced.discount_amount)',
                'priced.exponent'
            ) }}
        end as net_amount,
        case when priced.is_cancelled then {{ money('0') }} else priced.tax_amount end as tax_amount,

        ---------- booleans
        priced.is_amendment,
        priced.is_quantity_delta,

        ---------- dates
        priced.effective_on,
        priced.service_start_on,
        priced.service_end_on,

        ---------- timestamps
        priced.ordered_at,

        ---------- provenance
        priced._row_key,
        priced._observed_at
    from priced
    left join monthly_documents
        on priced._document_key = monthly_documents._document_key
)

select * from final
