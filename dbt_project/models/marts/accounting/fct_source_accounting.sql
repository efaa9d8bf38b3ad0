-- Grain: one row per (source, stream, currency_code, disposition, reason_code).
-- Trap: the sum over dispositions equals what was read, exactly; a filter on disposition breaks that identity.

with source_accounting as (
    select * from {{ ref('int_source_accounting') }}
),

final as (
    select
        ---------- keys
        source,
        stream,
        currency_code,
        disposition,
        reason_code,

        ---------- numerics
        row_count,
        amount
    from source_accounting
)

select * from final
