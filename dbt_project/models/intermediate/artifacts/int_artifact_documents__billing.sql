-- Grain: one row per order version that changes what may be billed, and one per shipment that came back.
-- Trap: a version's document is the difference to the version before, never the whole again. It is provisional as long
-- as goods of the order are still to leave; the final one has the same natural key and takes its place.

with order_versions as (
    select * from {{ ref('int_order_versions') }}
    where not is_test
        and status_code <> 'draft'
),

lines as (
    select * from {{ ref('int_artifact_lines') }}
),

-- What the whole of a version asks for beside its lines: tax, charges, discounts of the header.
version_levels as (
    select
        order_versions.recon_key,
        order_versions.version_no,
        not order_versions.is_current as has_next,
        currencies.exponent,
        case
            when order_versions.status_code in ('confirmed', 'closed')
            then {{ money('coalesce(order_versions.total_amount, 0)') }}
            else {{ money('0') }}
        end as total_amount
    from order_versions
    left join {{ ref('currencies') }} as currencies
        on order_versions.currency_code = currencies.currency_code
),

lines_summed_to_versions as (
    select
        recon_key,
        version_no,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ money('sum(billable_amount)') }} as billable_amount
    from lines
    group by recon_key, version_no
),

-- The changes of a version and of all before it add up to its level.
levels as (
    select
        version_levels.*,
        {{ money("""
            sum(coalesce(lines_summed_to_versions.net_amount, 0)) over (
                partition by version_levels.recon_key order by version_levels.version_no nulls last
                rows between unbounded preceding and current row
            )
        """) }} as lines_amount,
        {{ money("""
            sum(coalesce(lines_summed_to_versions.billable_amount, 0)) over (
                partition by version_levels.recon_key order by version_levels.version_no nulls last
                rows between unbounded preceding and current row
            )
        """) }} as billable_lines_amount
    from version_levels
    left join lines_summed_to_versions
        on version_levels.recon_key = lines_summed_to_versions.recon_key
        and version_levels.version_no = lines_summed_to_versions.version_no
),

rest_levels as (
    select
        recon_key,
        version_no,
        has_next,
        case
            when billable_lines_amount = lines_amount then {{ money('total_amount - lines_amount') }}
            when lines_amount <= 0 or billable_lines_amount <= 0 then {{ money('0') }}
            else {{ part_of('(total_amount - lines_amount)', 'billable_lines_amount', 'lines_amount', 'exponent') }}
        end as rest_amount
    from levels
),

rest_sides as (
    select
        recon_key,
        version_no,
        rest_amount
    from rest_levels
    union all
    select
        recon_key,
        version_no + 1 as version_no,
        -rest_amount as rest_amount
    from rest_levels
    where has_next
),

rest_changes as (
    select
        recon_key,
        version_no,
        {{ money('sum(rest_amount)') }} as rest_amount
    from rest_sides
    group by recon_key, version_no
),

line_texts as (
    select
        recon_key,
        version_no,
        billable_amount,
        canonical_line_no,
        {{ json_document({
            'line_no': 'canonical_line_no',
            'net_amount': amount_text('billable_amount'),
            'quantity': quantity_text('billable_quantity'),
            'sku': 'sku',
            'unit_price': rate_text('unit_rate'),
        }) }} as line_text
    from lines
    where billable_quantity <> 0
        or billable_amount <> 0
),

lines_of_documents as (
    select
        recon_key,
        version_no,
        {{ money('sum(billable_amount)') }} as lines_amount,
        {{ json_rows('line_text', 'canonical_line_no') }} as line_texts
    from line_texts
    group by recon_key, version_no
),

shipping_tenants as (
    -- distinct: a tenant ships many lines
    select distinct tenant from {{ ref('int_shipment_lines__unioned') }}
),

-- Goods that are still to leave, of the order as it is now.
orders_in_shipment as (
    -- distinct: several lines may be open
    select distinct current_lines.recon_key
    from {{ ref('int_order_lines__billable') }} as current_lines
    inner join shipping_tenants
        on current_lines.tenant = shipping_tenants.tenant
    left join {{ ref('int_shipped_lines') }} as shipped_lines
        on current_lines.line_key = shipped_lines.line_key
    where current_lines.status_code = 'confirmed'
        and current_lines.fulfilment_code = 'ship'
        and not current_lines.is_cancelled
        and coalesce(shipped_lines.shipped_quantity, 0) < current_lines.quantity
),

version_documents as (
    select
        rest_changes.recon_key,
        rest_changes.version_no,
        '' as shipment_ref,
        {{ money('coalesce(lines_of_documents.lines_amount, 0) + rest_changes.rest_amount') }} as document_amount,
        rest_changes.rest_amount,
        coalesce(lines_of_documents.line_texts, '[]') as line_texts,
        orders_in_shipment.recon_key is not null as is_provisional
    from rest_changes
    left join lines_of_documents
        on rest_changes.recon_key = lines_of_documents.recon_key
        and rest_changes.version_no = lines_of_documents.version_no
    left join orders_in_shipment
        on rest_changes.recon_key = orders_in_shipment.recon_key
    where lines_of_documents.recon_key is not null
        or rest_changes.rest_amount <> 0
),

current_lines as (
    select * from {{ ref('int_order_lines__billable') }}
    where status_code in ('confirmed', 'closed')
),

returned as (
    select
        shipment_lines.recon_key,
        shipment_lines.native_id as shipment_ref,
        shipment_lines.line_key,
        min(current_lines.canonical_line_no) as canonical_line_no,
        min(current_lines.sku) as sku,
        min(current_lines.unit_rate) as unit_rate,
        max(current_lines.exponent) as exponent,
        {{ quantity('sum(shipment_lines.quantity)') }} as quantity,
        max(current_lines.quantity) as ordered_quantity,
        max(current_lines.net_amount) as net_amount,
        max(case when current_lines.is_tax_included then 0 else current_lines.tax_amount end) as tax_amount
    from {{ ref('int_shipment_lines__resolved') }} as shipment_lines
    inner join current_lines
        on shipment_lines.line_key = current_lines.line_key
    where shipment_lines.has_come_back
        and current_lines.quantity > 0
    group by shipment_lines.recon_key, shipment_lines.native_id, shipment_lines.line_key
),

returned_priced as (
    select
        *,
        {{ part_of('net_amount', 'quantity', 'ordered_quantity', 'exponent') }} as returned_amount,
        {{ part_of('tax_amount', 'quantity', 'ordered_quantity', 'exponent') }} as returned_tax_amount
    from returned
),

returned_texts as (
    select
        *,
        {{ json_document({
            'line_no': 'canonical_line_no',
            'net_amount': amount_text('-returned_amount'),
            'quantity': quantity_text('-quantity'),
            'sku': 'sku',
            'unit_price': rate_text('unit_rate'),
        }) }} as line_text
    from returned_priced
),

return_documents as (
    select
        returned_texts.recon_key,
        max(orders.version_no) as version_no,
        returned_texts.shipment_ref,
        {{ money('-sum(returned_texts.returned_amount + returned_texts.returned_tax_amount)') }} as document_amount,
        {{ money('-sum(returned_texts.returned_tax_amount)') }} as rest_amount,
        {{ json_rows('returned_texts.line_text', 'returned_texts.canonical_line_no') }} as line_texts,
        false as is_provisional
    from returned_texts
    inner join {{ ref('int_orders') }} as orders
        on returned_texts.recon_key = orders.recon_key
    group by returned_texts.recon_key, returned_texts.shipment_ref
),

documents as (
    select * from version_documents
    union all
    select * from return_documents
),

final as (
    select
        ---------- keys
        documents.recon_key,
        documents.version_no,
        'billing/' || orders.recon_key || '/'
        || case
            when documents.shipment_ref <> '' then 'return/' || documents.shipment_ref
            else cast(documents.version_no as {{ dbt.type_string() }})
        end as natural_key,

        ---------- strings
        case when documents.document_amount < 0 then 'credit_memo' else 'invoice' end as artifact_kind,
        orders.currency_code,
        {{ json_document(
            {
                'amount': amount_text('documents.document_amount'),
                'currency': 'orders.currency_code',
                'customer_id': 'orders.customer_id',
                'document_no': "case when documents.document_amount < 0 then 'CM-' else 'INV-' end || orders.order_id || '-' || case when documents.shipment_ref <> '' then 'R-' || documents.shipment_ref else cast(documents.version_no as " ~ dbt.type_string() ~ ") end",
                'order_id': 'orders.order_id',
                'recon_key': 'orders.recon_key',
                'tax_and_charges_amount': amount_text('documents.rest_amount'),
            },
            {
                'is_provisional': json_flag('documents.is_provisional'),
                'lines': 'documents.line_texts',
                'order_version': "cast(documents.version_no as " ~ dbt.type_string() ~ ")",
                'term_days': "coalesce(cast(orders.term_days as " ~ dbt.type_string() ~ "), 'null')",
            },
        ) }} as payload,

        ---------- numerics
        documents.document_amount as artifact_amount,

        ---------- booleans
        documents.is_provisional
    from documents
    inner join {{ ref('int_orders') }} as orders
        on documents.recon_key = orders.recon_key
    where documents.document_amount <> 0
)

select * from final
