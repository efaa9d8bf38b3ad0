-- Grain: one row per stored version of a stream and business date, as the generic extract gives it.
-- Trap: declares what a feed should hold; it proves nothing about single rows.

with source_rows as (
    select * from {{ source('generic', 'completeness') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'completeness' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        stream as declared_stream,

        ---------- strings
        currency as currency_code,

        ---------- numerics
        row_count as declared_row_count,
        control_amount as declared_amount,

        ---------- dates
        business_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
