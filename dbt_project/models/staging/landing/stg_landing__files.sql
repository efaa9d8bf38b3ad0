-- Grain: one row per delivery of a file.
-- Trap: a duplicate delivery has the same file_id as the first and loaded nothing.

with source_rows as (
    select * from {{ source('landing', 'files') }}
    where observed_at <= {{ as_of() }}
),

final as (
    select
        load_seq,
        file_id,
        source,
        stream,
        file_name,
        status as status_code,
        fault_id,
        reason,
        rows_read,
        rows_loaded,
        rows_duplicate,
        rows_rejected,
        new_columns,
        business_on,
        observed_at
    from source_rows
)

select * from final
