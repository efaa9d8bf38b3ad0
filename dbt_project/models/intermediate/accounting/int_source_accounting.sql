-- Grain: one row per (source, stream, currency_code, disposition, reason_code).
-- Trap: superseded rows and known rows delivered again are read too: leave none out of a sum.

with {{ latest_rows(ref('stg_landing__source_rows')) }},

disposed_rows as (
    select * from {{ ref('int_disposed_rows') }}
),

entity_dispositions as (
    select * from {{ ref('entity_dispositions') }}
),

rows_of_legs as (
    select
        latest_rows.source,
        latest_rows.stream,
        latest_rows.currency_code,
        latest_rows.control_amount,
        case
            when latest_rows._is_deleted or {{ is_synthetic('latest_rows.tenant') }} then 'excluded'
            else disposed_rows.disposition
        end as disposition,
        case
            when latest_rows._is_deleted then 'DELETED_AT_SOURCE'
            when {{ is_synthetic('latest_rows.tenant') }} then 'SYNTHETIC'
            else disposed_rows.reason_code
        end as reason_code
    from latest_rows
    left join entity_dispositions
        on latest_rows.entity = entity_dispositions.entity
    left join disposed_rows
        on latest_rows.source = disposed_rows.source
        and latest_rows.stream = disposed_rows.stream
        and latest_rows._row_key = disposed_rows._row_key
    where entity_dispositions.entity is null
        and latest_rows._line is not null
),

rows_of_other_entities as (
    select
        latest_rows.source,
        latest_rows.stream,
        latest_rows.currency_code,
        latest_rows.control_amount,
        case when {{ is_synthetic('latest_rows.tenant') }} then 'excluded' else entity_dispositions.disposition end
            as disposition,
        case when {{ is_synthetic('latest_rows.tenant') }} then 'SYNTHETIC' else entity_dispositions.reason_code end
            as reason_code
    from latest_rows
    inner join entity_dispositions
        on latest_rows.entity = entity_dispositions.entity
    where latest_rows._line is not null
),

superseded_rows as (
    select
        stored.source,
        stored.stream,
        stored.currency_code,
        stored.control_amount,
        'superseded' as disposition,
        'NEWER_VERSION' as reason_code
    from {{ ref('stg_landing__source_rows') }} as stored
    inner join older_versions
        on stored.source = older_versions.source
        and stored.stream = older_versions.stream
        and stored._row_key = older_versions._row_key
        and stored._row_version = older_versions._row_version
    where stored._line is not null
),

stored_rows as (
    select * from rows_of_legs
    union all
    select * from rows_of_other_entities
    union all
    select * from superseded_rows
),

stored_rows_summed as (
    select
        source,
        stream,
        currency_code,
        disposition,
        reason_code,
        count(*) as row_count,
        {{ money('sum(control_amount)') }} as amount
    from stored_rows
    group by source, stream, currency_code, disposition, reason_code
),

duplicates_summed as (
    select
        source,
        stream,
        currency_code,
        'excluded' as disposition,
        'KNOWN_ALREADY' as reason_code,
        cast(sum(row_count) as bigint) as row_count,
        {{ money('sum(duplicate_amount)') }} as amount
    from {{ ref('stg_landing__duplicate_rows') }}
    group by source, stream, currency_code
),

rejects_summed as (
    select
        source,
        stream,
        coalesce(currency_code, '') as currency_code,
        'rejected' as disposition,
        fault_id as reason_code,
        count(*) as row_count,
        {{ money('sum(coalesce(rejected_amount, 0))') }} as amount
    from {{ ref('stg_landing__rejected_rows') }}
    group by source, stream, coalesce(currency_code, ''), fault_id
),

unioned as (
    select * from stored_rows_summed
    union all
    select * from duplicates_summed
    union all
    select * from rejects_summed
),

final as (
    select
        source,
        stream,
        coalesce(currency_code, '') as currency_code,
        coalesce(disposition, 'unaccounted') as disposition,
        coalesce(reason_code, '') as reason_code,
        cast(row_count as bigint) as row_count,
        amount
    from unioned
)

select * from final
