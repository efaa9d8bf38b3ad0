-- Grain: one row per refused file, rejected row, feed that is short of what it declared, or new column whose window runs.
-- Trap: a file that was refused is told once, by its last delivery; delivered well under the same name it is
-- no exception any more.

with files as (
    select * from {{ ref('stg_landing__files') }}
),

-- What a name stands for now: its last delivery that was dealt with. The same bad file may be delivered again.
last_deliveries as (
    select
        source,
        stream,
        file_name,
        max(load_seq) as load_seq
    from files
    where status_code <> 'received'
    group by source, stream, file_name
),

refused_files as (
    select
        case when files.fault_id = 'A10' then 'ING_SCHEMA_DRIFT' else 'ING_FILE_INCOMPLETE' end as exception_code,
        cast(null as {{ dbt.type_string() }}) as tenant,
        files.source,
        files.source || '/' || files.file_name || ' ' || coalesce(files.file_id, '') as fact_key,
        files.source || '/' || files.file_name as native_ref,
        '' as currency_code,
        'File ' || files.source || '/' || files.file_name || ' was refused ('
        || coalesce(files.fault_id, 'unreadable') || '): '
        || coalesce(files.reason, 'no reason given') as explanation,
        {{ money('0') }} as leak_amount,
        files.observed_at as opened_at
    from files
    inner join last_deliveries
        on files.load_seq = last_deliveries.load_seq
    where files.status_code = 'refused'
),

rejected_rows as (
    select
        'ING_ROW_REJECTED' as exception_code,
        cast(null as {{ dbt.type_string() }}) as tenant,
        source,
        source || '/' || file_name || ' ' || file_id || ' ' || cast(line_no as {{ dbt.type_string() }}) as fact_key,
        source || '/' || file_name || ' line ' || cast(line_no as {{ dbt.type_string() }}) as native_ref,
        coalesce(currency_code, '') as currency_code,
        'Line ' || cast(line_no as {{ dbt.type_string() }}) || ' of ' || source || '/' || file_name
        || ' was not read (' || fault_id || '): ' || reason as explanation,
        coalesce(rejected_amount, {{ money('0') }}) as leak_amount,
        observed_at as opened_at
    from {{ ref('stg_landing__rejected_rows') }}
),

schema_changes as (
    select * from {{ ref('stg_landing__schema_changes') }}
    where status_code = 'accepted'
),

adopted_columns as (
    -- distinct: a contract may have been changed twice
    select distinct
        source,
        stream,
        column_name
    from schema_changes
    where change_code = 'adopted'
),

-- A new column is optional for a while: the end of that is told on its first day, not when files are refused.
ending_windows as (
    select
        'ING_SCHEMA_DRIFT' as exception_code,
        cast(null as {{ dbt.type_string() }}) as tenant,
        schema_changes.source,
        schema_changes.source || '.' || schema_changes.stream || ' ' || schema_changes.column_name as fact_key,
        schema_changes.source || '.' || schema_changes.stream as native_ref,
        '' as currency_code,
        'Column ' || schema_changes.column_name || ' of ' || schema_changes.source || '.' || schema_changes.stream
        || ' is new and is let pass until ' || cast(min(schema_changes.window_ends_on) as {{ dbt.type_string() }})
        || '; after that its files are refused. Name it in seeds/sources/' || schema_changes.source
        || '.yml, or have it removed.' as explanation,
        {{ money('0') }} as leak_amount,
        min(schema_changes.first_seen_at) as opened_at
    from schema_changes
    left join adopted_columns
        on schema_changes.source = adopted_columns.source
        and schema_changes.stream = adopted_columns.stream
        and schema_changes.column_name = adopted_columns.column_name
    where schema_changes.change_code = 'added'
        and schema_changes.window_ends_on is not null
        and adopted_columns.column_name is null
    group by schema_changes.source, schema_changes.stream, schema_changes.column_name
),

feed_gaps as (
    select
        'ING_FILE_INCOMPLETE' as exception_code,
        tenant,
        source,
        source || '.' || entity || ' ' || cast(gap_from_on as {{ dbt.type_string() }}) as fact_key,
        source || '.' || entity as native_ref,
        '' as currency_code,
        'The feed ' || source || '.' || entity || ' is not complete from '
        || cast(gap_from_on as {{ dbt.type_string() }}) || ' to ' || cast(gap_to_on as {{ dbt.type_string() }})
        || ': ' || gap_note || '. What it would show is not counted as missing.' as explanation,
        {{ money('0') }} as leak_amount,
        cast(gap_from_on as timestamp) as opened_at
    from {{ ref('int_feed_gaps') }}
    where gap_reason_code = 'DECLARED_COUNT'
),

source_rows as (
    select
        source,
        stream,
        _row_key,
        _row_version,
        _load_seq,
        _line,
        updated_at,
        _business_on
    from {{ ref('stg_landing__source_rows') }}
),

restated_keys as (
    -- distinct: a row with three versions is named twice
    select distinct
        source,
        stream,
        _row_key
    from source_rows
    where _row_version > 1
),

-- The newest version is the newest by its source, whichever arrived last.
restated_rows as (
    select
        source_rows.source,
        source_rows.stream,
        source_rows._row_key,
        source_rows._row_version,
        row_number() over {{ versions_of('source_rows', 'newest') }} as recency
    from source_rows
    inner join restated_keys
        on source_rows.source = restated_keys.source
        and source_rows.stream = restated_keys.stream
        and source_rows._row_key = restated_keys._row_key
),

-- A remark on a whole delivery (suite raw.files) is no fault of a row; a row that was restated since is judged anew.
suspect_rows as (
    select
        'ING_ROW_SUSPECT' as exception_code,
        cast(null as {{ dbt.type_string() }}) as tenant,
        failed_rows.source,
        failed_rows.suite || ' ' || failed_rows.expectation || ' ' || failed_rows.native_key as fact_key,
        failed_rows.native_key as native_ref,
        '' as currency_code,
        'A row of ' || failed_rows.source || '.' || failed_rows.stream || ' contradicts itself: '
        || failed_rows.reason as explanation,
        {{ money('0') }} as leak_amount,
        max(files.observed_at) as opened_at
    from {{ ref('stg_gates__failed_rows') }} as failed_rows
    inner join files
        on failed_rows._load_seq = files.load_seq
    inner join source_rows
        on failed_rows.source = source_rows.source
        and failed_rows.stream = source_rows.stream
        and failed_rows._load_seq = source_rows._load_seq
        and failed_rows._line = source_rows._line
    left join restated_rows
        on source_rows.source = restated_rows.source
        and source_rows.stream = restated_rows.stream
        and source_rows._row_key = restated_rows._row_key
        and source_rows._row_version = restated_rows._row_version
    where failed_rows.gate_code = 'source'
        and failed_rows.severity_code = 'warning'
        and failed_rows.suite <> 'raw.files'
        and coalesce(restated_rows.recency, 1) = 1
    group by
        failed_rows.source, failed_rows.stream, failed_rows.suite, failed_rows.expectation,
        failed_rows.native_key, failed_rows.reason
),

unioned as (
    select * from refused_files
    union all
    select * from rejected_rows
    union all
    select * from ending_windows
    union all
    select * from feed_gaps
    union all
    select * from suspect_rows
),

final as (
    select
        ---------- keys
        exception_code,
        '' as leg_code,
        coalesce(tenant, '*') as tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        '' as line_key,
        fact_key,
        native_ref,
        source as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        currency_code,
        explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        {{ money('0') }} as expected_value_amount,
        {{ money('0') }} as actual_value_amount,

        ---------- timestamps
        opened_at
    from unioned
)

select * from final
