-- Grain: one row per (recon_key, version_no, line_key) that a version of an order changes: what it adds or takes off.
-- Trap: billable is what may be billed by now: of goods what has left, of all else the whole. quantity is what was
-- ordered; both are changes against the version before, so an unchanged line has no row.

with order_versions as (
    select
        recon_key,
        version_no,
        tenant,
        document_ref,
        status_code in ('confirmed', 'closed') as is_firm,
        is_current
    from {{ ref('int_order_versions') }}
    where not is_test
        and status_code <> 'draft'
),

lines_now as (
    select
        line_key,
        seller_id,
        fulfilment_code,
        price_factor,
        exponent
    from {{ ref('int_order_lines__billable') }}
),

shipped_lines as (
    select
        line_key,
        shipped_quantity
    from {{ ref('int_shipped_lines') }}
),

shipping_tenants as (
    -- distinct: a tenant ships many lines
    select distinct tenant from {{ ref('int_shipment_lines__unioned') }}
),

-- What an amendment says of itself is the change: prices of a rest of a term are not prices of the line.
contributed as (
    select
        contributed.recon_key,
        contributed.document_ref,
        contributed.line_key,
        min(contributed.canonical_line_no) as canonical_line_no,
        min(contributed.sku) as sku,
        min(contributed.unit_rate) as unit_rate,
        max(contributed.exponent) as exponent,
        {{ quantity('sum(contributed.changed_quantity)') }} as quantity,
        {{ money('sum(contributed.net_amount)') }} as net_amount
    from {{ ref('int_order_lines__contributed') }} as contributed
    group by contributed.recon_key, contributed.document_ref, contributed.line_key
),

amended_orders as (
    -- distinct: an order has several documents
    select distinct recon_key from contributed
),

versions_of_documents as (
    select
        recon_key,
        document_ref,
        min(version_no) as version_no
    from order_versions
    where is_firm
    group by recon_key, document_ref
),

line_levels as (
    select
        lines.recon_key,
        lines.version_no,
        lines.line_key,
        lines.canonical_line_no,
        lines.sku,
        lines.seller_id,
        lines.unit_rate,
        coalesce(lines_now.exponent, 2) as exponent,
        coalesce(lines_now.fulfilment_code, '') = 'ship' as is_shipped_good,
        not order_versions.is_current as has_next,
        case
            when order_versions.is_firm and not lines.is_cancelled then lines.quantity else {{ quantity('0') }}
        end as quantity,
        case
            when order_versions.is_firm and not lines.is_cancelled
            then {{ money(wide('lines.net_amount') ~ ' * coalesce(lines_now.price_factor, 1)') }}
            else {{ money('0') }}
        end as net_amount,
        case
            when coalesce(lines_now.fulfilment_code, '') = 'ship' and shipping_tenants.tenant is not null
            then least(coalesce(shipped_lines.shipped_quantity, 0), lines.quantity)
            else lines.quantity
        end as released_quantity
    from {{ ref('int_order_line_versions') }} as lines
    inner join order_versions
        on lines.recon_key = order_versions.recon_key
        and lines.version_no = order_versions.version_no
    left join lines_now
        on lines.line_key = lines_now.line_key
    left join shipped_lines
        on lines.line_key = shipped_lines.line_key
    left join shipping_tenants
        on order_versions.tenant = shipping_tenants.tenant
    left join amended_orders
        on lines.recon_key = amended_orders.recon_key
    where amended_orders.recon_key is null
),

billable_levels as (
    select
        *,
        case when quantity <= 0 then quantity else {{ quantity('released_quantity') }} end as billable_quantity,
        case
            when quantity <= 0 or released_quantity = quantity then net_amount
            when released_quantity <= 0 then {{ money('0') }}
            else {{ part_of('net_amount', 'released_quantity', 'quantity', 'exponent') }}
        end as billable_amount
    from line_levels
),

-- Each level counts for its own version, and against the next one: what is left is the change.
changes as (
    select
        recon_key,
        version_no,
        line_key,
        canonical_line_no,
        sku,
        seller_id,
        unit_rate,
        exponent,
        is_shipped_good,
        quantity,
        net_amount,
        billable_quantity,
        billable_amount,
        1 as is_own
    from billable_levels
    union all
    select
        recon_key,
        version_no + 1 as version_no,
        line_key,
        canonical_line_no,
        sku,
        seller_id,
        unit_rate,
        exponent,
        is_shipped_good,
        -quantity as quantity,
        -net_amount as net_amount,
        -billable_quantity as billable_quantity,
        -billable_amount as billable_amount,
        0 as is_own
    from billable_levels
    where has_next
    union all
    select
        contributed.recon_key,
        versions_of_documents.version_no,
        contributed.line_key,
        contributed.canonical_line_no,
        contributed.sku,
        lines_now.seller_id,
        contributed.unit_rate,
        contributed.exponent,
        coalesce(lines_now.fulfilment_code, '') = 'ship' as is_shipped_good,
        contributed.quantity,
        contributed.net_amount,
        contributed.quantity as billable_quantity,
        contributed.net_amount as billable_amount,
        1 as is_own
    from contributed
    inner join versions_of_documents
        on contributed.recon_key = versions_of_documents.recon_key
        and contributed.document_ref = versions_of_documents.document_ref
    left join lines_now
        on contributed.line_key = lines_now.line_key
),

final as (
    select
        recon_key,
        version_no,
        line_key,
        min(canonical_line_no) as canonical_line_no,
        max_by(sku, is_own) as sku,
        max_by(seller_id, is_own) as seller_id,
        max_by(unit_rate, is_own) as unit_rate,
        max(exponent) as exponent,
        bool_or(is_shipped_good) as is_shipped_good,
        {{ quantity('sum(quantity)') }} as quantity,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ quantity('sum(billable_quantity)') }} as billable_quantity,
        {{ money('sum(billable_amount)') }} as billable_amount
    from changes
    group by recon_key, version_no, line_key
    having sum(quantity) <> 0 or sum(net_amount) <> 0 or sum(billable_amount) <> 0
)

select * from final
