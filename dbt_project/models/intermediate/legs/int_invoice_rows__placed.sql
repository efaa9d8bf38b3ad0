-- Grain: one row per invoice line, and one per invoice header (row_kind DOCUMENT), with the order they bill.
-- Trap: a header and its lines state the same money: add up one kind only. Amounts of credit memos are negative,
-- whatever sign was sent. is_live leaves out void, draft and provisional documents.

with invoices as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        invoice_id,
        order_ref,
        customer_id,
        currency_code,
        coalesce(kind_code, 'invoice') as kind_code,
        coalesce(native_status, 'open') as status_code,
        is_provisional,
        net_amount,
        tax_amount,
        total_amount,
        issued_at,
        _observed_at,
        _row_key
    from {{ ref('int_invoices__latest') }}
),

invoice_lines as (
    select
        invoice_lines.source,
        invoice_lines.stream,
        invoice_lines.tenant,
        invoice_lines.source_system,
        invoice_lines.source_instance,
        invoice_lines.invoice_id,
        cast(invoice_lines.line_no as {{ dbt.type_string() }}) as line_no,
        coalesce(
            invoice_lines.order_ref,
            invoices.order_ref,
            case when invoices._row_key is null then 'invoice ' || invoice_lines.invoice_id end
        ) as order_ref,
        cast(invoice_lines.order_line_no as {{ dbt.type_string() }}) as order_line_no,
        invoice_lines.sku,
        invoices.customer_id,
        coalesce(invoices.currency_code, '') as currency_code,
        coalesce(invoices.kind_code, 'invoice') as kind_code,
        coalesce(invoices.status_code, 'open') as status_code,
        coalesce(invoices.is_provisional, false) as is_provisional,
        invoices.total_amount as document_amount,
        invoice_lines.quantity,
        invoice_lines.unit_rate,
        invoice_lines.net_amount,
        invoice_lines.tax_amount,
        invoice_lines.service_start_on,
        invoice_lines.service_end_on,
        invoices.issued_at,
        invoice_lines._observed_at as known_at,
        invoices._row_key as _document_key,
        invoice_lines._row_key
    from {{ ref('int_invoice_lines__latest') }} as invoice_lines
    left join invoices
        on invoice_lines.source = invoices.source
        and invoice_lines.tenant = invoices.tenant
        and invoice_lines.source_system = invoices.source_system
        and invoice_lines.source_instance = invoices.source_instance
        and invoice_lines.invoice_id = invoices.invoice_id
),

lines_summed_to_documents as (
    select
        source,
        _document_key,
        count(*) as line_count,
        min(coalesce(order_ref, '')) as first_order_ref,
        max(coalesce(order_ref, '')) as last_order_ref,
        cast(sum(case when tax_amount is null then 0 else 1 end) as bigint) as taxed_line_count,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ money('sum(coalesce(tax_amount, 0))') }} as tax_amount
    from invoice_lines
    where _document_key is not null
    group by source, _document_key
),

-- The order of a header without a reference is that of its lines; several orders are no order of the header.
documents as (
    select
        invoices.source,
        invoices.stream,
        invoices.tenant,
        invoices.source_system,
        invoices.source_instance,
        invoices.invoice_id,
        case
            when lines_summed_to_documents.first_order_ref = lines_summed_to_documents.last_order_ref
            then nullif(lines_summed_to_documents.first_order_ref, '')
            when lines_summed_to_documents.first_order_ref is null then invoices.order_ref
        end as order_ref,
        invoices.customer_id,
        invoices.currency_code,
        invoices.kind_code,
        invoices.status_code,
        invoices.is_provisional,
        invoices.net_amount,
        invoices.tax_amount,
        invoices.total_amount,
        invoices.issued_at,
        invoices._observed_at as known_at,
        invoices._row_key,
        coalesce(lines_summed_to_documents.line_count, 0) as line_count,
        coalesce(
            lines_summed_to_documents.first_order_ref <> lines_summed_to_documents.last_order_ref, false
        ) as is_split,
        coalesce(lines_summed_to_documents.net_amount, {{ money('0') }}) as lines_net_amount,
        coalesce(lines_summed_to_documents.tax_amount, {{ money('0') }}) as lines_tax_amount,
        coalesce(lines_summed_to_documents.taxed_line_count, 0) as taxed_line_count
    from invoices
    left join lines_summed_to_documents
        on invoices.source = lines_summed_to_documents.source
        and invoices._row_key = lines_summed_to_documents._document_key
),

invoice_rows as (
    select
        'LINE' as row_kind,
        invoice_lines.source,
        invoice_lines.stream,
        invoice_lines.tenant,
        invoice_lines.source_system,
        invoice_lines.source_instance,
        invoice_lines.invoice_id,
        invoice_lines.line_no,
        invoice_lines.order_ref,
        invoice_lines.order_line_no,
        invoice_lines.sku,
        invoice_lines.customer_id,
        invoice_lines.currency_code,
        invoice_lines.kind_code,
        invoice_lines.status_code,
        invoice_lines.is_provisional,
        case
            when invoice_lines.kind_code <> 'credit_memo' then 1
            when coalesce(documents.lines_net_amount, 0) + coalesce(documents.lines_tax_amount, 0) > 0 then -1
            else 1
        end as sign_factor,
        invoice_lines.quantity,
        invoice_lines.unit_rate,
        invoice_lines.net_amount,
        invoice_lines.tax_amount,
        cast(null as decimal(18, 4)) as total_amount,
        invoice_lines.service_start_on,
        invoice_lines.service_end_on,
        invoice_lines.issued_at,
        invoice_lines.known_at,
        coalesce(documents.line_count, 1) as line_count,
        coalesce(documents.is_split, false) as is_split,
        invoice_lines._document_key,
        invoice_lines._row_key
    from invoice_lines
    left join documents
        on invoice_lines.source = documents.source
        and invoice_lines._document_key = documents._row_key
    union all
    select
        'DOCUMENT' as row_kind,
        documents.source,
        documents.stream,
        documents.tenant,
        documents.source_system,
        documents.source_instance,
        documents.invoice_id,
        cast(null as {{ dbt.type_string() }}) as line_no,
        documents.order_ref,
        cast(null as {{ dbt.type_string() }}) as order_line_no,
        cast(null as {{ dbt.type_string() }}) as sku,
        documents.customer_id,
        documents.currency_code,
        documents.kind_code,
        documents.status_code,
        documents.is_provisional,
        case when documents.kind_code = 'credit_memo' and documents.total_amount > 0 then -1 else 1 end
            as sign_factor,
        cast(null as decimal(18, 6)) as quantity,
        cast(null as decimal(28, 12)) as unit_rate,
        documents.lines_net_amount as net_amount,
        case when documents.taxed_line_count > 0 then documents.lines_tax_amount else documents.tax_amount end
            as tax_amount,
        documents.total_amount,
        cast(null as date) as service_start_on,
        cast(null as date) as service_end_on,
        documents.issued_at,
        documents.known_at,
        documents.line_count,
        documents.is_split,
        documents._row_key as _document_key,
        documents._row_key
    from documents
),

{{ resolved_refs('invoice_rows') }},

order_lines as (
    select
        line_key,
        recon_key,
        canonical_line_no,
        sku
    from {{ ref('int_order_lines__billable') }}
),

lines_of_amendments as (
    select
        recon_key,
        document_ref,
        line_no,
        min(line_key) as line_key
    from {{ ref('int_order_lines__contributed') }}
    where is_amendment
    group by recon_key, document_ref, line_no
),

amendments as (
    -- distinct: an amendment has several lines
    select distinct
        recon_key,
        document_ref
    from lines_of_amendments
),

only_lines_of_amendments as (
    select
        recon_key,
        document_ref,
        min(line_key) as line_key
    from lines_of_amendments
    group by recon_key, document_ref
    having count(*) = 1
),

-- Few rows name no line: only their orders are searched for a line of the article, or the only line.
nameless as (
    select
        recon_key,
        sku,
        count(*) as row_count
    from resolved
    where row_kind = 'LINE'
        and order_line_no is null
        and recon_key is not null
    group by recon_key, sku
),

only_lines_of_a_sku as (
    select
        order_lines.recon_key,
        order_lines.sku,
        min(order_lines.line_key) as line_key
    from order_lines
    inner join nameless
        on order_lines.recon_key = nameless.recon_key
        and order_lines.sku = nameless.sku
    group by order_lines.recon_key, order_lines.sku
    having count(*) = 1
),

nameless_orders as (
    -- distinct: an order has several nameless rows
    select distinct recon_key from nameless
),

only_lines as (
    select
        order_lines.recon_key,
        min(order_lines.line_key) as line_key
    from order_lines
    inner join nameless_orders
        on order_lines.recon_key = nameless_orders.recon_key
    group by order_lines.recon_key
    having count(*) = 1
),

placed as (
    select
        resolved.*,
        case when amendments.document_ref is not null then resolved.normalised_ref end as document_ref,
        case
            when resolved.row_kind = 'DOCUMENT' then null
            when amendments.document_ref is not null
            then coalesce(
                    lines_of_amendments.line_key,
                    case when resolved.order_line_no is null then only_lines_of_amendments.line_key end,
                    order_lines.line_key,
                    only_lines_of_a_sku.line_key
                )
            when resolved.order_line_no is not null then order_lines.line_key
            else coalesce(
                    only_lines_of_a_sku.line_key,
                    case when resolved.line_count = 1 then only_lines.line_key end
                )
        end as line_key
    from resolved
    left join order_lines
        on resolved.recon_key = order_lines.recon_key
        and resolved.order_line_no = order_lines.canonical_line_no
    left join amendments
        on resolved.recon_key = amendments.recon_key
        and resolved.normalised_ref = amendments.document_ref
    left join lines_of_amendments
        on resolved.recon_key = lines_of_amendments.recon_key
        and resolved.normalised_ref = lines_of_amendments.document_ref
        and resolved.order_line_no = lines_of_amendments.line_no
    left join only_lines_of_amendments
        on resolved.recon_key = only_lines_of_amendments.recon_key
        and resolved.normalised_ref = only_lines_of_amendments.document_ref
    left join only_lines_of_a_sku
        on resolved.recon_key = only_lines_of_a_sku.recon_key
        and resolved.sku = only_lines_of_a_sku.sku
    left join only_lines
        on resolved.recon_key = only_lines.recon_key
),

final as (
    select
        ---------- keys
        recon_key,
        line_key,
        document_ref,
        source,
        stream,
        tenant,
        source_system,
        invoice_id,
        line_no,
        order_ref,
        sku,
        customer_id,

        ---------- strings
        row_kind,
        ref_status,
        kind_code,
        currency_code,
        case
            when status_code = 'void' then 'INVOICE_VOID'
            when status_code = 'draft' then 'INVOICE_DRAFT'
            when is_provisional and kind_code <> 'credit_memo' then 'PROVISIONAL'
        end as set_aside_reason,

        ---------- numerics
        case
            when quantity is null then null
            when sign_factor * net_amount < 0 and kind_code = 'credit_memo' then {{ quantity('-abs(quantity)') }}
            else quantity
        end as quantity,
        unit_rate,
        {{ money('sign_factor * net_amount') }} as net_amount,
        {{ money('sign_factor * tax_amount') }} as tax_amount,
        {{ money('sign_factor * total_amount') }} as total_amount,
        line_count,

        ---------- booleans
        kind_code = 'credit_memo' as is_credit,
        is_provisional,
        is_split,
        status_code not in ('void', 'draft') and (not is_provisional or kind_code = 'credit_memo') as is_live,

        ---------- dates
        service_start_on,
        service_end_on,

        ---------- timestamps
        issued_at,
        known_at,

        ---------- provenance
        _document_key,
        _row_key
    from placed
)

select * from final
