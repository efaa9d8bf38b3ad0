-- Grain: one row per contracted stream, whether it ever delivered a file or not.
-- Trap: the entity is what staging turns the stream into; two streams may carry one entity.

with source_rows as (
    select * from {{ source('landing', 'streams') }}
),

final as (
    select
        source,
        stream,
        entity
    from source_rows
)

select * from final
