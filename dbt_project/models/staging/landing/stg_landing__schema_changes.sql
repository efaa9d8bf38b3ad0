-- Grain: one row per column that came, went or changed its type.
-- Trap: an accepted new column is optional only until window_ends_on.

with source_rows as (
    select * from {{ source('landing', 'schema_changes') }}
    where first_seen_at <= {{ as_of() }}
),

final as (
    select
        load_seq,
        source,
        stream,
        column_name,
        change as change_code,
        status as status_code,
        first_seen_at,
        window_ends_on
    from source_rows
)

select * from final
