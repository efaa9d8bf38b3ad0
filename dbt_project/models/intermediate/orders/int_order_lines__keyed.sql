-- Grain: one row per stored version of an order line, with the order that it belongs to.
-- Trap: recon_key is null where the line's order is not known: such a line is an exception, not a loss. A late file may
-- bring an older version after a newer one: version_rank is the order of versions, _row_version that of arrival. A line may
-- spell the id of its order otherwise (15 characters of 18) where no line of that number spells it as the order does.

with order_lines as (
    select * from {{ ref('int_order_lines__unioned') }}
),

order_documents as (
    select
        recon_key,
        tenant,
        source_system,
        source_instance,
        native_order_id,
        order_ref,
        is_amendment,
        is_first_of_id,
        _row_key
    from {{ ref('int_order_documents') }}
),

id_rules as (
    select * from {{ ref('int_id_rules__by_system') }}
),

lines_spelt_otherwise as (
    select
        order_lines.source,
        order_lines.stream,
        order_lines.tenant,
        order_lines.source_system,
        order_lines.source_instance,
        order_lines.line_no,
        {{ normalised_id('order_lines.order_id', 'id_rules') }} as order_ref,
        order_lines._row_key,
        order_lines._row_version
    from order_lines
    inner join id_rules
        on order_lines.source_system = id_rules.source_system
    left join order_documents
        on order_lines.tenant = order_documents.tenant
        and order_lines.source_system = order_documents.source_system
        and order_lines.source_instance = order_documents.source_instance
        and order_lines.order_id = order_documents.native_order_id
    where order_documents._row_key is null
),

documents_of_lines_spelt_otherwise as (
    select
        spelt.source,
        spelt.stream,
        spelt._row_key,
        spelt._row_version,
        min(order_documents.native_order_id) as native_order_id
    from lines_spelt_otherwise as spelt
    inner join order_documents
        on spelt.tenant = order_documents.tenant
        and spelt.source_system = order_documents.source_system
        and spelt.source_instance = order_documents.source_instance
        and spelt.order_ref = order_documents.order_ref
        and order_documents.is_first_of_id
    left join order_lines as spelt_alike
        on order_documents.tenant = spelt_alike.tenant
        and order_documents.source_system = spelt_alike.source_system
        and order_documents.source_instance = spelt_alike.source_instance
        and order_documents.native_order_id = spelt_alike.order_id
        and spelt.line_no = spelt_alike.line_no
    where spelt_alike._row_key is null
    group by spelt.source, spelt.stream, spelt._row_key, spelt._row_version
),

restated_lines as (
    -- distinct: a line with three versions is named twice
    select distinct
        source,
        stream,
        _row_key
    from order_lines
    where _row_version > 1
),

-- Only lines that came again are put in order: of all others there is one version.
ranked_versions as (
    select
        order_lines.source,
        order_lines.stream,
        order_lines._row_key,
        order_lines._row_version,
        row_number() over {{ versions_of('order_lines', 'oldest') }} as version_rank,
        count(*) over (partition by order_lines.source, order_lines.stream, order_lines._row_key) as version_count
    from order_lines
    inner join restated_lines
        on order_lines.source = restated_lines.source
        and order_lines.stream = restated_lines.stream
        and order_lines._row_key = restated_lines._row_key
),

final as (
    select
        ---------- keys
        order_documents.recon_key,
        order_lines.source,
        order_lines.stream,
        order_lines.tenant,
        order_lines.source_system,
        order_lines.order_id,
        order_lines.line_no,
        case
            when order_documents.is_amendment and order_lines.amends_line_no is not null
            then cast(order_lines.amends_line_no as {{ dbt.type_string() }})
            when order_documents.is_amendment and not order_lines.is_quantity_delta
            then order_documents.order_ref || ':' || cast(order_lines.line_no as {{ dbt.type_string() }})
            else cast(order_lines.line_no as {{ dbt.type_string() }})
        end as canonical_line_no,
        order_lines.sku,
        order_lines.seller_id,

        ---------- strings
        order_lines.tax_class,
        order_lines.native_status,

        ---------- numerics
        order_lines.quantity,
        order_lines.unit_rate,
        order_lines.discount_amount,
        coalesce(order_lines.tax_amount, 0) as tax_amount,
        order_lines.shipping_amount,
        coalesce(ranked_versions.version_rank, 1) as version_rank,

        ---------- booleans
        order_documents._row_key is not null as has_document,
        coalesce(order_documents.is_amendment, false) as is_amendment,
        order_lines.is_quantity_delta,
        coalesce(ranked_versions.version_rank = ranked_versions.version_count, true) as is_newest,

        ---------- dates
        order_lines.service_start_on,
        order_lines.service_end_on,

        ---------- timestamps
        coalesce(order_lines.updated_at, cast(order_lines._business_on as timestamp), order_lines._observed_at)
            as changed_at,

        ---------- provenance
        order_documents._row_key as _document_key,
        order_lines._row_key,
        order_lines._row_version,
        order_lines._is_deleted,
        order_lines._observed_at
    from order_lines
    left join documents_of_lines_spelt_otherwise as spelt_otherwise
        on order_lines.source = spelt_otherwise.source
        and order_lines.stream = spelt_otherwise.stream
        and order_lines._row_key = spelt_otherwise._row_key
        and order_lines._row_version = spelt_otherwise._row_version
    left join order_documents
        on order_lines.tenant = order_documents.tenant
        and order_lines.source_system = order_documents.source_system
        and order_lines.source_instance = order_documents.source_instance
        and coalesce(spelt_otherwise.native_order_id, order_lines.order_id) = order_documents.native_order_id
    left join ranked_versions
        on order_lines.source = ranked_versions.source
        and order_lines.stream = ranked_versions.stream
        and order_lines._row_key = ranked_versions._row_key
        and order_lines._row_version = ranked_versions._row_version
)

select * from final
