-- Grain: one row per document of evidence that names another order than when it was first seen: (source, stream,
-- native_id).
-- Trap: only where both names lead to an order that is known: a damaged or unknown name that was put right is no change
-- of key. A document that names its first order again is not here.

{%- set native_ids = {
    'payments': 'stored.payment_id',
    'invoices': 'stored.invoice_id',
    'shipments': 'stored.shipment_id',
    'seller_statements': 'stored.statement_id',
    'settlement_lines': "stored.batch_id || '/' || cast(stored.line_no as " ~ dbt.type_string() ~ ")",
} %}

{%- for entity in native_ids %}
{{ 'with ' if loop.first }}restated_{{ entity }} as (
    -- distinct: a row with three versions is named twice
    select distinct
        source,
        stream,
        _row_key
    from {{ ref('int_' ~ entity ~ '__unioned') }}
    where _row_version > 1
),
{%- endfor %}

versions as (
    {%- for entity, native_id in native_ids.items() %}
    select
        stored.source,
        stored.stream,
        stored.tenant,
        stored.source_system,
        stored.source_instance,
        {{ native_id }} as native_id,
        stored.order_ref,
        stored._row_key,
        stored._row_version,
        stored._business_on,
        stored._is_deleted,
        stored._observed_at,
        stored.updated_at
    from {{ ref('int_' ~ entity ~ '__unioned') }} as stored
    inner join restated_{{ entity }} as restated
        on stored.source = restated.source
        and stored.stream = restated.stream
        and stored._row_key = restated._row_key
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

{{ resolved_refs('versions') }},

found as (
    select * from resolved
    where ref_status = 'found'
        and not _is_deleted
),

ranked as (
    select
        *,
        row_number() over {{ versions_of('found', 'oldest') }} as place,
        row_number() over {{ versions_of('found', 'newest') }} as recency
    from found
),

final as (
    select
        ---------- keys
        latest.source,
        latest.stream,
        latest.tenant,
        latest.source_system,
        latest.native_id,
        first_seen.recon_key as first_recon_key,
        latest.recon_key,

        ---------- strings
        first_seen.normalised_ref as first_order_ref,
        latest.normalised_ref as order_ref,

        ---------- timestamps
        latest._observed_at as rekeyed_at,

        ---------- provenance
        latest._row_key
    from ranked as latest
    inner join ranked as first_seen
        on latest.source = first_seen.source
        and latest.stream = first_seen.stream
        and latest._row_key = first_seen._row_key
        and first_seen.place = 1
    where latest.recency = 1
        and latest.recon_key <> first_seen.recon_key
)

select * from final
