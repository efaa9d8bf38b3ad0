-- Grain: one row per live invoice row that bills an order wrongly as a whole: the wrong customer, the wrong currency,
-- or what was billed already.
-- Trap: a document that is a duplicate is here with its header and its lines; of a document that repeats one line
-- only that line is here.

with orders as (
    select
        recon_key,
        customer_id,
        currency_code
    from {{ ref('int_orders') }}
),

wrong_documents as (
    select
        placed.source,
        placed._document_key,
        placed.recon_key,
        case when placed.currency_code <> orders.currency_code then 'FOREIGN' else 'PARTY' end as apart_code
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join orders
        on placed.recon_key = orders.recon_key
    where placed.row_kind = 'DOCUMENT'
        and placed.is_live
        and (placed.currency_code <> orders.currency_code or placed.customer_id <> orders.customer_id)
),

billable_lines as (
    select
        line_key,
        net_amount,
        is_tax_included,
        service_start_on,
        service_end_on
    from {{ ref('int_order_lines__billable') }}
),

repeated as (
    select
        placed.line_key,
        coalesce(placed.document_ref, '') as document_ref,
        placed.service_start_on,
        placed.service_end_on,
        abs(placed.net_amount) as repeated_amount,
        cast(sum(case when placed.net_amount > 0 then 1 else -1 end) as bigint) as surplus_count
    from {{ ref('int_invoice_rows__placed') }} as placed
    where placed.row_kind = 'LINE'
        and placed.is_live
        and placed.line_key is not null
        and placed.net_amount <> 0
    group by
        placed.line_key, coalesce(placed.document_ref, ''), placed.service_start_on, placed.service_end_on,
        abs(placed.net_amount)
    having sum(case when placed.net_amount > 0 then 1 else -1 end) > 1
),

repeated_lines as (
    -- distinct: a line may be repeated for several periods
    select distinct line_key from repeated
),

rows_of_repeated_lines as (
    select
        placed.source,
        placed.stream,
        placed.recon_key,
        placed.line_key,
        coalesce(placed.document_ref, '') as document_ref,
        placed.service_start_on,
        placed.service_end_on,
        placed.net_amount,
        placed.tax_amount,
        placed.issued_at,
        placed.invoice_id,
        placed.line_no,
        placed._document_key,
        placed._row_key
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join repeated_lines
        on placed.line_key = repeated_lines.line_key
    left join wrong_documents
        on placed.source = wrong_documents.source
        and placed._document_key = wrong_documents._document_key
    where placed.row_kind = 'LINE'
        and placed.is_live
        and wrong_documents._document_key is null
),

lines_in_all as (
    select
        rows_of_repeated_lines.line_key,
        {{ money("""
            sum(
                rows_of_repeated_lines.net_amount
                + case
                    when billable_lines.is_tax_included then coalesce(rows_of_repeated_lines.tax_amount, 0)
                    else 0
                end
            )
        """) }} as billed_amount
    from rows_of_repeated_lines
    inner join billable_lines
        on rows_of_repeated_lines.line_key = billable_lines.line_key
    group by rows_of_repeated_lines.line_key
),

-- One period billed twice is a duplicate whatever else is due; without periods only a surplus of that very amount is.
ranked as (
    select
        rows_of_repeated_lines.*,
        repeated.surplus_count,
        case
            when rows_of_repeated_lines.service_start_on is not null
            then lines_in_all.billed_amount > billable_lines.net_amount
                or coalesce(billable_lines.service_start_on <> rows_of_repeated_lines.service_start_on, false)
                or coalesce(billable_lines.service_end_on <> rows_of_repeated_lines.service_end_on, false)
            else lines_in_all.billed_amount - billable_lines.net_amount
                = (repeated.surplus_count - 1) * (
                    rows_of_repeated_lines.net_amount
                    + case
                        when billable_lines.is_tax_included then coalesce(rows_of_repeated_lines.tax_amount, 0)
                        else 0
                    end
                )
        end as is_duplicate,
        row_number() over (
            partition by
                rows_of_repeated_lines.line_key, rows_of_repeated_lines.document_ref,
                rows_of_repeated_lines.service_start_on, rows_of_repeated_lines.service_end_on,
                rows_of_repeated_lines.net_amount
            order by
                rows_of_repeated_lines.issued_at desc nulls last,
                rows_of_repeated_lines.invoice_id desc nulls last,
                rows_of_repeated_lines.line_no desc nulls last,
                rows_of_repeated_lines.source asc nulls last
        ) as lateness
    from rows_of_repeated_lines
    inner join repeated
        on rows_of_repeated_lines.line_key = repeated.line_key
        and rows_of_repeated_lines.document_ref = repeated.document_ref
        and coalesce(rows_of_repeated_lines.service_start_on, cast('1900-01-01' as date))
        = coalesce(repeated.service_start_on, cast('1900-01-01' as date))
        and coalesce(rows_of_repeated_lines.service_end_on, cast('1900-01-01' as date))
        = coalesce(repeated.service_end_on, cast('1900-01-01' as date))
        and rows_of_repeated_lines.net_amount = repeated.repeated_amount
    inner join lines_in_all
        on rows_of_repeated_lines.line_key = lines_in_all.line_key
    inner join billable_lines
        on rows_of_repeated_lines.line_key = billable_lines.line_key
),

duplicate_lines as (
    select * from ranked
    where is_duplicate
        and lateness < surplus_count
),

documents_of_duplicates as (
    select
        source,
        _document_key,
        min(recon_key) as recon_key,
        count(*) as duplicate_count
    from duplicate_lines
    group by source, _document_key
),

documents_counted as (
    select
        placed.source,
        placed._document_key,
        count(*) as placed_count
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join documents_of_duplicates
        on placed.source = documents_of_duplicates.source
        and placed._document_key = documents_of_duplicates._document_key
    where placed.row_kind = 'LINE'
        and placed.line_key is not null
    group by placed.source, placed._document_key
),

duplicate_documents as (
    select
        documents_of_duplicates.source,
        documents_of_duplicates._document_key,
        documents_of_duplicates.recon_key,
        'DUPLICATE' as apart_code
    from documents_of_duplicates
    inner join documents_counted
        on documents_of_duplicates.source = documents_counted.source
        and documents_of_duplicates._document_key = documents_counted._document_key
        and documents_of_duplicates.duplicate_count = documents_counted.placed_count
),

whole_documents as (
    select * from wrong_documents
    union all
    select * from duplicate_documents
),

final as (
    select
        placed.source,
        placed.stream,
        placed._row_key,
        whole_documents.recon_key,
        whole_documents.apart_code,
        true as is_whole_document
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join whole_documents
        on placed.source = whole_documents.source
        and placed._document_key = whole_documents._document_key
    union all
    select
        duplicate_lines.source,
        duplicate_lines.stream,
        duplicate_lines._row_key,
        duplicate_lines.recon_key,
        'DUPLICATE' as apart_code,
        false as is_whole_document
    from duplicate_lines
    left join duplicate_documents
        on duplicate_lines.source = duplicate_documents.source
        and duplicate_lines._document_key = duplicate_documents._document_key
    where duplicate_documents._document_key is null
)

select * from final
