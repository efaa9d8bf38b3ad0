-- Grain: one row per invoice line or header that bills an order, signed: credit memos are negative.
-- Trap: a header carries what its document asks for beside the lines that stand for themselves (tax, charges), or
-- all of it where lines cannot be compared; each cent of a document is evidence once.

with billed_orders as (
    select
        recon_key,
        mode_code,
        is_tax_included,
        order_tax_amount,
        charge_amount
    from {{ ref('int_billed_orders') }}
),

events_of_periods as (
    select
        line_key,
        event_key,
        period_start_on
    from {{ ref('int_billable_events') }}
    where event_key <> line_key
        and period_start_on is not null
),

events_of_documents as (
    select
        line_key,
        event_key,
        coalesce(document_ref, '') as document_ref
    from {{ ref('int_billable_events') }}
    where event_key <> line_key
        and period_start_on is null
),

placed_in_documents as (
    select
        placed.source,
        placed._document_key,
        {{ money("""
            sum(
                placed.net_amount
                + case when billed_orders.is_tax_included then coalesce(placed.tax_amount, 0) else 0 end
            )
        """) }} as placed_amount
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join billed_orders
        on placed.recon_key = billed_orders.recon_key
        and billed_orders.mode_code = 'LINES'
    where placed.row_kind = 'LINE'
        and placed.is_live
        and placed.line_key is not null
    group by placed.source, placed._document_key
),

with_places as (
    select
        placed.*,
        coalesce(events_of_periods.event_key, events_of_documents.event_key, placed.line_key) as event_key,
        billed_orders.mode_code,
        billed_orders.is_tax_included,
        coalesce(billed_orders.order_tax_amount, 0) <> 0
        or coalesce(billed_orders.charge_amount, 0) <> 0 as has_order_rest,
        apart.apart_code,
        coalesce(apart.is_whole_document, false) as is_whole_apart,
        {{ money('placed.total_amount - coalesce(placed_in_documents.placed_amount, 0)') }} as rest_amount
    from {{ ref('int_invoice_rows__placed') }} as placed
    left join billed_orders
        on placed.recon_key = billed_orders.recon_key
    left join events_of_periods
        on placed.line_key = events_of_periods.line_key
        and placed.service_start_on = events_of_periods.period_start_on
    left join events_of_documents
        on placed.line_key = events_of_documents.line_key
        and coalesce(placed.document_ref, '') = events_of_documents.document_ref
    left join {{ ref('int_invoice_rows__apart') }} as apart
        on placed.source = apart.source
        and placed.stream = apart.stream
        and placed._row_key = apart._row_key
    left join placed_in_documents
        on case when placed.row_kind = 'DOCUMENT' then placed.source end = placed_in_documents.source
        and placed._document_key = placed_in_documents._document_key
    where placed.is_live
),

evidence_rows as (
    select
        *,
        case
            when row_kind = 'DOCUMENT' and is_split
            then 'consolidated|' || source || '|' || {{ row_key_text('_row_key') }}
            when recon_key is null then null
            when apart_code = 'PARTY' then recon_key || '|party'
            when apart_code = 'FOREIGN' then recon_key || '|total'
            when apart_code = 'DUPLICATE' then recon_key || '|duplicate'
            when coalesce(mode_code, 'TOTAL') = 'TOTAL' then recon_key || '|total'
            when row_kind = 'LINE' then event_key
            else recon_key || '|rest'
        end as anchor_key,
        case
            when row_kind = 'LINE' and (is_split or _document_key is null)
            then {{ money('net_amount + coalesce(tax_amount, 0)') }}
            when row_kind = 'LINE'
            then {{ money('net_amount + case when is_tax_included then coalesce(tax_amount, 0) else 0 end') }}
            when is_split or recon_key is null or is_whole_apart or coalesce(mode_code, 'TOTAL') = 'TOTAL'
            then total_amount
            else rest_amount
        end as evidence_amount
    from with_places
    where case
            when row_kind = 'LINE' and (is_split or _document_key is null) then true
            when row_kind = 'LINE' then
                coalesce(mode_code, 'TOTAL') = 'LINES' and line_key is not null and not is_whole_apart
            when is_split or recon_key is null or is_whole_apart then true
            when coalesce(mode_code, 'TOTAL') = 'TOTAL' then true
            else has_order_rest or rest_amount <> 0
        end
),

final as (
    select
        ---------- keys
        'invoice' as leg_code,
        anchor_key,
        recon_key,
        tenant,
        source,
        stream,
        source_system,
        invoice_id as native_id,
        line_no,
        order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        case when row_kind = 'DOCUMENT' and is_split then 'found' else ref_status end as ref_status,
        kind_code,
        currency_code,

        ---------- numerics
        evidence_amount as actual_amount,
        coalesce(quantity, {{ quantity('0') }}) as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        issued_at as event_at,
        known_at,

        ---------- provenance
        _row_key
    from evidence_rows
)

select * from final
