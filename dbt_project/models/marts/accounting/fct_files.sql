-- Grain: one row per delivery of a file.
-- Trap: a duplicate delivery loaded nothing; what it repeats was counted with the first.

with files as (
    select * from {{ ref('int_files') }}
),

final as (
    select
        ---------- keys
        load_seq,
        file_id,
        source,
        stream,

        ---------- strings
        file_name,
        status_code,
        fault_id,
        reason,
        new_columns,

        ---------- numerics
        rows_read,
        rows_loaded,
        rows_duplicate,
        rows_rejected,

        ---------- dates
        business_on,

        ---------- timestamps
        observed_at
    from files
)

select * from final
