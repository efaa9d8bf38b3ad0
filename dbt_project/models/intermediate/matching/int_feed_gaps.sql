-- Grain: one row per (source, tenant, entity): the days for which its feed is known to be incomplete.
-- Trap: tenant is null where a file was refused: nobody knows whose rows it held. No row means that nothing is
-- known to be missing.

{#- Of each feed: its business date where the file's name gives none, its amount and its currency. #}
{%- set feeds = {
    'payments': ['cast(occurred_at as date)', 'payment_amount', 'currency_code'],
    'seller_statements': ['cast(paid_at as date)', 'gross_amount', 'currency_code'],
    'invoices': ['cast(issued_at as date)', 'total_amount', 'currency_code'],
    'settlement_lines': ['cast(posted_at as date)', 'net_amount', 'currency_code'],
    'settlement_batches': ['cast(closed_at as date)', 'net_amount', 'currency_code'],
    'bank_lines': ['value_on', 'bank_amount', 'currency_code'],
    'billing_plans': ['service_start_on', 'net_amount', 'currency_code'],
} %}

with declared as (
    select
        source,
        tenant,
        source_system,
        declared_stream,
        business_on,
        declared_row_count,
        declared_amount,
        currency_code
    from {{ ref('int_completeness__latest') }}
),

{%- for entity, facts in feeds.items() %}
{{ entity }} as (
    select
        source,
        tenant,
        source_system,
        '{{ entity }}' as entity,
        coalesce(_business_on, {{ facts[0] }}) as business_on,
        {{ facts[2] }} as currency_code,
        {{ facts[1] }} as row_amount
    from {{ ref('int_' ~ entity ~ '__latest') }}
),
{% endfor %}
shipment_lines as (
    select
        shipment_lines.source,
        shipment_lines.tenant,
        shipment_lines.source_system,
        'shipment_lines' as entity,
        coalesce(shipment_lines._business_on, cast(shipments.shipped_at as date)) as business_on,
        '' as currency_code,
        {{ money('0') }} as row_amount
    from {{ ref('int_shipment_lines__latest') }} as shipment_lines
    left join {{ ref('int_shipments__latest') }} as shipments
        on shipment_lines.source = shipments.source
        and shipment_lines.tenant = shipments.tenant
        and shipment_lines.source_system = shipments.source_system
        and shipment_lines.source_instance = shipments.source_instance
        and shipment_lines.shipment_id = shipments.shipment_id
),

declared_feeds as (
    -- distinct: a feed is declared day by day
    select distinct
        source,
        tenant,
        source_system,
        declared_stream
    from declared
),

delivered_rows as (
    {%- for entity in feeds %}
    select * from {{ entity }}
    union all
    {%- endfor %}
    select * from shipment_lines
),

delivered as (
    select
        delivered_rows.source,
        delivered_rows.tenant,
        delivered_rows.source_system,
        delivered_rows.entity,
        delivered_rows.business_on,
        count(*) as row_count
    from delivered_rows
    inner join declared_feeds
        on delivered_rows.source = declared_feeds.source
        and delivered_rows.tenant = declared_feeds.tenant
        and delivered_rows.source_system = declared_feeds.source_system
        and delivered_rows.entity = declared_feeds.declared_stream
    group by
        delivered_rows.source, delivered_rows.tenant, delivered_rows.source_system,
        delivered_rows.entity, delivered_rows.business_on
),

delivered_amounts as (
    select
        delivered_rows.source,
        delivered_rows.tenant,
        delivered_rows.source_system,
        delivered_rows.entity,
        delivered_rows.business_on,
        delivered_rows.currency_code,
        {{ money('sum(delivered_rows.row_amount)') }} as delivered_amount
    from delivered_rows
    inner join declared_feeds
        on delivered_rows.source = declared_feeds.source
        and delivered_rows.tenant = declared_feeds.tenant
        and delivered_rows.source_system = declared_feeds.source_system
        and delivered_rows.entity = declared_feeds.declared_stream
    group by
        delivered_rows.source, delivered_rows.tenant, delivered_rows.source_system,
        delivered_rows.entity, delivered_rows.business_on, delivered_rows.currency_code
),

short_deliveries as (
    select
        declared.source,
        declared.tenant,
        declared.declared_stream as entity,
        declared.business_on as gap_from_on,
        declared.business_on as gap_to_on,
        'DECLARED_COUNT' as gap_reason_code,
        'declared ' || cast(declared.declared_row_count as {{ dbt.type_string() }})
        || ' rows, delivered ' || cast(coalesce(delivered.row_count, 0) as {{ dbt.type_string() }}) as gap_note
    from declared
    left join delivered
        on declared.source = delivered.source
        and declared.tenant = delivered.tenant
        and declared.source_system = delivered.source_system
        and declared.declared_stream = delivered.entity
        and declared.business_on = delivered.business_on
    left join delivered_amounts
        on declared.source = delivered_amounts.source
        and declared.tenant = delivered_amounts.tenant
        and declared.source_system = delivered_amounts.source_system
        and declared.declared_stream = delivered_amounts.entity
        and declared.business_on = delivered_amounts.business_on
        and declared.currency_code = delivered_amounts.currency_code
    where declared.declared_stream in (
            {%- for entity in feeds %}
            '{{ entity }}',
            {%- endfor %}
            'shipment_lines'
        )
        and (
            coalesce(delivered.row_count, 0) <> declared.declared_row_count
            or (
                declared.declared_amount is not null
                and declared.currency_code is not null
                and coalesce(delivered_amounts.delivered_amount, 0) <> declared.declared_amount
            )
        )
),

files as (
    select * from {{ ref('stg_landing__files') }}
),

files_loaded as (
    select
        source,
        stream,
        file_name,
        max(load_seq) as last_loaded_seq
    from files
    where status_code = 'loaded'
    group by source, stream, file_name
),

entities_of_streams as (
    select * from {{ ref('stg_landing__streams') }}
),

-- A refused file may hold anything of its stream: until it is delivered well, nothing of it counts as missing.
refused_files as (
    select
        files.source,
        cast(null as {{ dbt.type_string() }}) as tenant,
        entities_of_streams.entity,
        cast('1900-01-01' as date) as gap_from_on,
        cast('9999-12-31' as date) as gap_to_on,
        'FILE_REFUSED' as gap_reason_code,
        'file ' || files.file_name || ' was refused' as gap_note
    from files
    inner join entities_of_streams
        on files.source = entities_of_streams.source
        and files.stream = entities_of_streams.stream
    left join files_loaded
        on files.source = files_loaded.source
        and files.stream = files_loaded.stream
        and files.file_name = files_loaded.file_name
    where files.status_code in ('refused', 'received')
        and coalesce(files.fault_id, '') not in ('A8', 'A12', 'A13')
        and coalesce(files_loaded.last_loaded_seq, 0) < files.load_seq
),

gaps as (
    select * from short_deliveries
    union all
    select * from refused_files
),

final as (
    select
        source,
        tenant,
        entity,
        min(gap_from_on) as gap_from_on,
        max(gap_to_on) as gap_to_on,
        min(gap_reason_code) as gap_reason_code,
        min(gap_note) as gap_note
    from gaps
    group by source, tenant, entity
)

select * from final
