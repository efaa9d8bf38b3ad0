-- Grain: one row per (recon_key, version_no, line_key): the lines of the order as they were after each change.
-- Trap: quantity is the level after all changes up to that version, also where the source sends changes.

with lines_of_orders as (
    select * from {{ ref('int_order_lines__keyed') }}
    where recon_key is not null
),

order_versions as (
    select
        recon_key,
        version_no,
        version_at,
        document_ref,
        is_only_version
    from {{ ref('int_order_versions') }}
),

unchanged_lines as (
    select
        lines_of_orders.*,
        cast(1 as bigint) as version_no,
        lines_of_orders.quantity as level_quantity,
        lines_of_orders.discount_amount as level_discount_amount,
        lines_of_orders.tax_amount as level_tax_amount
    from lines_of_orders
    inner join order_versions
        on lines_of_orders.recon_key = order_versions.recon_key
        and order_versions.is_only_version
    where lines_of_orders.is_newest
        and not lines_of_orders._is_deleted
),

-- Orders with a history: each version sees the last row of each line known by then. A line's first row
-- belongs to its document from the start, however late it was delivered. Documents are told apart by the version that
-- each of them made: several may have come at one moment.
document_starts as (
    select
        headers._row_key as _document_key,
        headers.recon_key,
        min(order_versions.version_no) as document_no
    from {{ ref('int_order_headers__versioned') }} as headers
    inner join order_versions
        on headers.recon_key = order_versions.recon_key
        and headers.order_id = order_versions.document_ref
    group by headers._row_key, headers.recon_key
),

seen_by_versions as (
    select
        lines_of_orders.*,
        order_versions.version_no,
        document_starts.document_no,
        row_number() over (
            partition by order_versions.recon_key, order_versions.version_no, lines_of_orders._row_key
            order by lines_of_orders.version_rank desc nulls last
        ) as recency
    from lines_of_orders
    inner join order_versions
        on lines_of_orders.recon_key = order_versions.recon_key
        and not order_versions.is_only_version
    inner join document_starts
        on lines_of_orders._document_key = document_starts._document_key
    where (
        not lines_of_orders.is_amendment
        or document_starts.document_no <= order_versions.version_no
    )
    and (lines_of_orders.version_rank = 1 or lines_of_orders.changed_at <= order_versions.version_at)
),

-- An absolute quantity sets the level; changes count from there on.
levels as (
    select
        recon_key,
        version_no,
        canonical_line_no,
        max(case when not is_quantity_delta then document_no end) as level_set_no
    from seen_by_versions
    where recency = 1 and not _is_deleted
    group by recon_key, version_no, canonical_line_no
),

folded as (
    select
        seen_by_versions.recon_key,
        seen_by_versions.version_no,
        seen_by_versions.canonical_line_no,
        {{ quantity('sum(seen_by_versions.quantity)') }} as level_quantity,
        {{ money('sum(seen_by_versions.discount_amount)') }} as level_discount_amount,
        {{ money('sum(seen_by_versions.tax_amount)') }} as level_tax_amount,
        {{ money('sum(' ~ line_amount('seen_by_versions.quantity', 'seen_by_versions.unit_rate') ~ ')') }}
            as level_list_amount,
        {{ count_if('seen_by_versions.is_quantity_delta and seen_by_versions.quantity <> 0') }} as change_count
    from seen_by_versions
    inner join levels
        on seen_by_versions.recon_key = levels.recon_key
        and seen_by_versions.version_no = levels.version_no
        and seen_by_versions.canonical_line_no = levels.canonical_line_no
    where seen_by_versions.recency = 1
        and not seen_by_versions._is_deleted
        and (levels.level_set_no is null or seen_by_versions.document_no >= levels.level_set_no)
    group by seen_by_versions.recon_key, seen_by_versions.version_no, seen_by_versions.canonical_line_no
),

folded_ranked as (
    select
        seen_by_versions.*,
        folded.level_quantity,
        folded.level_discount_amount,
        folded.level_tax_amount,
        folded.level_list_amount,
        folded.change_count,
        -- The price of a change in quantity is that of the change, often for the rest of a term, not the line's own.
        first_value(seen_by_versions.unit_rate) over (
            partition by seen_by_versions.recon_key, seen_by_versions.version_no, seen_by_versions.canonical_line_no
            order by
                case
                    when seen_by_versions.is_quantity_delta and seen_by_versions.quantity <> 0 then 1
                    else 0
                end nulls last,
                seen_by_versions.document_no desc nulls last,
                seen_by_versions.is_amendment desc nulls last,
                seen_by_versions._row_key asc nulls last
        ) as level_unit_rate,
        row_number() over (
            partition by seen_by_versions.recon_key, seen_by_versions.version_no, seen_by_versions.canonical_line_no
            order by
                seen_by_versions.document_no desc nulls last,
                seen_by_versions.is_amendment desc nulls last,
                seen_by_versions._row_key asc nulls last
        ) as attribute_rank
    from seen_by_versions
    inner join folded
        on seen_by_versions.recon_key = folded.recon_key
        and seen_by_versions.version_no = folded.version_no
        and seen_by_versions.canonical_line_no = folded.canonical_line_no
    where seen_by_versions.recency = 1
        and not seen_by_versions._is_deleted
),

order_line_levels as (
    select
        recon_key,
        version_no,
        canonical_line_no,
        source,
        sku,
        seller_id,
        tax_class,
        native_status,
        level_quantity,
        unit_rate,
        level_discount_amount,
        level_tax_amount,
        cast(null as decimal(18, 4)) as level_list_amount,
        shipping_amount,
        service_start_on,
        service_end_on
    from unchanged_lines
    union all
    select
        recon_key,
        version_no,
        canonical_line_no,
        source,
        sku,
        seller_id,
        tax_class,
        native_status,
        level_quantity,
        level_unit_rate as unit_rate,
        level_discount_amount,
        level_tax_amount,
        case when change_count > 0 then level_list_amount end as level_list_amount,
        shipping_amount,
        service_start_on,
        service_end_on
    from folded_ranked
    where attribute_rank = 1
),

priced_lines as (
    select
        *,
        coalesce(level_list_amount, {{ line_amount('level_quantity', 'unit_rate') }}) as list_amount
    from order_line_levels
),

final as (
    select
        ---------- keys
        recon_key,
        version_no,
        recon_key || '-' || canonical_line_no as line_key,
        canonical_line_no,
        source,
        sku,
        seller_id,

        ---------- strings
        tax_class,
        native_status,

        ---------- numerics
        {{ quantity('level_quantity') }} as quantity,
        unit_rate,
        level_discount_amount as discount_amount,
        level_tax_amount as tax_amount,
        shipping_amount,
        list_amount,
        {{ money('list_amount - level_discount_amount') }} as net_amount,

        ---------- booleans
        coalesce(native_status, '') = 'cancelled' as is_cancelled,

        ---------- dates
        service_start_on,
        service_end_on
    from priced_lines
)

select * from final
