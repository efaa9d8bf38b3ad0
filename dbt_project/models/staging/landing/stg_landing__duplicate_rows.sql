-- Grain: one row per file and currency that held rows known already.
-- Trap: counts, not rows: the rows themselves are stored once, from their first file.

with source_rows as (
    select * from {{ source('landing', 'duplicate_rows') }}
),

files as (
    select load_seq from {{ ref('stg_landing__files') }}
),

final as (
    select
        source_rows.load_seq,
        source_rows.source,
        source_rows.stream,
        source_rows.currency_code,
        source_rows.row_count,
        source_rows.amount as duplicate_amount
    from source_rows
    inner join files
        on source_rows.load_seq = files.load_seq
)

select * from final
