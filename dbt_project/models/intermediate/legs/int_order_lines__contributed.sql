-- Grain: one row per line of an order document of an order that was amended: what that document adds to the line.
-- Trap: only orders with amendments are here; the sum over a line is what the line comes to. An amendment may state a
-- change, a new level, a new price or a new stretch of service: reading_code says which of them its own total proves.

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
        lines_of_amended_orders.*,
        order_documents.order_ref as document_ref,
        documents.currency_code,
        documents.ordered_at,
        documents.effective_on,
        documents.total_amount as document_total_amount,
        documents.tax_amount as document_tax_amount,
        documents.shipping_amount as document_shipping_amount,
        documents.tip_amount as document_tip_amount,
        documents.is_tax_included,
        coalesce(lines_of_amended_orders.native_status, '') = 'cancelled' as is_cancelled
    from lines_of_amended_orders
    inner join documents
        on lines_of_amended_orders._document_key = documents._row_key
    inner join order_documents
        on lines_of_amended_orders._document_key = order_documents._row_key
    where lines_of_amended_orders.is_newest
        and not lines_of_amended_orders._is_deleted
        and not (lines_of_amended_orders.is_amendment and documents.status_code in ('cancelled', 'draft'))
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
        ) as level_before_quantity,
        lag(unit_rate) over (
            partition by recon_key, canonical_line_no
            order by
                is_amendment nulls last, ordered_at nulls last, document_ref nulls last, line_no nulls last
        ) as earlier_rate,
        max(service_end_on) over (
            partition by recon_key, canonical_line_no
            order by
                is_amendment nulls last, ordered_at nulls last, document_ref nulls last, line_no nulls last
            rows between unbounded preceding and 1 preceding
        ) as earlier_end_on
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
        {{ exact_product('(changes.level_after_quantity - changes.level_before_quantity)', 'changes.unit_rate') }}
            as change_amount,
        cast(
            changes.level_after_quantity * changes.unit_rate
            - changes.level_before_quantity * coalesce(changes.earlier_rate, 0)
            as decimal(38, 12)
        ) as value_amount,
        {{ exact_product('changes.quantity', 'changes.unit_rate') }} as stated_amount,
        -- The same number read the other way: a change as a new level.
        {{ exact_product('(changes.quantity - changes.level_before_quantity)', 'changes.unit_rate') }} as level_amount,
        changes.level_before_quantity > 0 as has_level_before,
        coalesce(changes.service_start_on > changes.earlier_end_on, false) as is_new_stretch
    from changes
    left join currencies
        on changes.currency_code = currencies.currency_code
),

documents_summed as (
    select
        _document_key,
        count(*) as line_count,
        {{ money('sum(change_amount - discount_amount)') }} as change_amount,
        {{ money('sum(value_amount - discount_amount)') }} as value_amount,
        {{ money('sum(stated_amount - discount_amount)') }} as stated_amount,
        {{ money('sum(level_amount - discount_amount)') }} as level_amount,
        {{ money('sum(case when is_tax_included then 0 else tax_amount end)') }} as line_tax_amount,
        max(document_total_amount - document_shipping_amount - document_tip_amount) as total_amount,
        max(case when is_tax_included then 0 else document_tax_amount end) as document_tax_amount,
        max({{ service_months('service_start_on', 'service_end_on') }}) as most_months,
        min({{ service_months('service_start_on', 'service_end_on') }}) as least_months,
        {{ count_if('is_amendment') }} as amendment_count,
        {{ count_if('is_quantity_delta') }} as delta_count,
        {{ count_if('changed_quantity <> 0') }} as changed_count,
        {{ count_if('has_level_before') }} as levelled_count,
        {{ count_if('is_new_stretch') }} as stretch_count
    from priced
    group by _document_key
),

-- A price a month shows in the footing as well: the document's total is so many times its lines.
documents_with_months as (
    select
        *,
        cast(case when most_months = least_months and most_months > 1 then most_months else 1 end as integer) as month_count
    from documents_summed
),

documents_footed as (
    select
        *,
        {{ foots('change_amount') }} as change_foots,
        {{ foots('value_amount') }} as value_foots,
        {{ foots('stated_amount') }} as stated_foots,
        {{ foots('level_amount') }} as level_foots,
        {{ foots_by_month('change_amount') }} as change_foots_by_month,
        {{ foots_by_month('value_amount') }} as value_foots_by_month,
        {{ foots_by_month('stated_amount') }} as stated_foots_by_month,
        {{ foots_by_month('level_amount') }} as level_foots_by_month
    from documents_with_months
),

-- The first reading that comes to what the document itself asks for; one line without a change of quantity is worth
-- what its document is. Where the document says one thing and its total another, the total counts and it is told.
documents_read as (
    select
        _document_key,
        month_count,
        total_amount,
        case when document_tax_amount <> 0 then document_tax_amount else line_tax_amount end as added_tax_amount,
        case
            when amendment_count = 0 or coalesce(change_foots, false) or coalesce(change_foots_by_month, false) then 'CHANGE'
            when stretch_count = line_count and (stated_foots or stated_foots_by_month) then 'NEW_STRETCH'
            when delta_count = 0 and (value_foots or value_foots_by_month) then 'NEW_PRICE'
            when levelled_count = line_count and delta_count = line_count and (level_foots or level_foots_by_month)
            then 'LEVEL_SENT_AS_CHANGE'
            when levelled_count = line_count and delta_count = 0 and (stated_foots or stated_foots_by_month)
            then 'CHANGE_SENT_AS_LEVEL'
            when line_count = 1 and changed_count = 0 then 'DOCUMENT_TOTAL'
            else 'CHANGE'
        end as reading_code,
        coalesce(change_foots_by_month and not change_foots, false) as change_is_monthly,
        coalesce(value_foots_by_month and not value_foots, false) as value_is_monthly,
        coalesce(stated_foots_by_month and not stated_foots, false) as stated_is_monthly,
        coalesce(level_foots_by_month and not level_foots, false) as level_is_monthly
    from documents_footed
),

read_lines as (
    select
        priced.*,
        documents_read.reading_code,
        documents_read.total_amount,
        documents_read.added_tax_amount,
        case documents_read.reading_code
            when 'CHANGE' then priced.change_amount
            when 'NEW_PRICE' then priced.value_amount
            when 'LEVEL_SENT_AS_CHANGE' then priced.level_amount
            else priced.stated_amount
        end as list_amount,
        case documents_read.reading_code
            when 'CHANGE' then case when documents_read.change_is_monthly then documents_read.month_count else 1 end
            when 'NEW_PRICE' then case when documents_read.value_is_monthly then documents_read.month_count else 1 end
            when 'LEVEL_SENT_AS_CHANGE' then case when documents_read.level_is_monthly then documents_read.month_count else 1 end
            else case when documents_read.stated_is_monthly then documents_read.month_count else 1 end
        end as price_factor
    from priced
    inner join documents_read
        on priced._document_key = documents_read._document_key
),

final as (
    select
        ---------- keys
        recon_key || '-' || canonical_line_no as line_key,
        recon_key,
        document_ref,
        canonical_line_no,
        line_no,
        sku,

        ---------- strings
        reading_code,

        ---------- numerics
        case when is_cancelled then {{ quantity('0') }} else changed_quantity end as changed_quantity,
        level_before_quantity,
        level_after_quantity,
        unit_rate,
        price_factor,
        exponent,
        case when is_cancelled then {{ money('0') }} else discount_amount end as discount_amount,
        case
            when is_cancelled then {{ money('0') }}
            when reading_code = 'DOCUMENT_TOTAL' then {{ money('total_amount - added_tax_amount') }}
            else {{ rounded_to('(list_amount * price_factor - discount_amount)', 'exponent') }}
        end as net_amount,
        {{ rounded_to('(change_amount * price_factor - discount_amount)', 'exponent') }} as declared_amount,
        case when is_cancelled then {{ money('0') }} else tax_amount end as tax_amount,

        ---------- booleans
        is_amendment,
        is_quantity_delta,

        ---------- dates
        effective_on,
        service_start_on,
        service_end_on,

        ---------- timestamps
        ordered_at,

        ---------- provenance
        _row_key,
        _observed_at
    from read_lines
)

select * from final
