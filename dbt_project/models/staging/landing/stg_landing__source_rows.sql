-- Grain: one row per stored row of any stream, all versions; tombstones, which no file held, are not here.
-- Trap: the control amount is the one that the contract names; streams without one have amount 0 and currency ''.

with source_rows as (
    select * from {{ source('landing', 'source_rows') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        source,
        stream,
        entity,
        tenant,
        currency_code,

        ---------- numerics
        control_amount,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
