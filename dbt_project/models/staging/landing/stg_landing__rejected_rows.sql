-- Grain: one row per rejected line of a file.
-- Trap: row_text is whatever the file held: never show it unescaped.

with source_rows as (
    select * from {{ source('landing', 'rejected_rows') }}
    where observed_at <= {{ as_of() }}
),

final as (
    select
        load_seq,
        file_id,
        source,
        stream,
        file_name,
        line as line_no,
        column_name,
        fault_id,
        reason,
        value_text,
        amount as rejected_amount,
        currency_code,
        observed_at
    from source_rows
)

select * from final
