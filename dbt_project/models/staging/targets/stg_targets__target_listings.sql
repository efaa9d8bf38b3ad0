-- Grain: one row per stored version of a declared list of a target.
-- Trap: declares how many documents a list has; whether they came is for int_target_listings__counted to tell.

with source_rows as (
    select * from {{ source('targets', 'listings') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'targets' as source,
        'listings' as stream,
        tenant,
        target as source_system,
        cast('' as {{ dbt.type_string() }}) as source_instance,
        target as target_code,

        ---------- numerics
        document_count as declared_document_count,

        ---------- timestamps
        listed_at,

        ---------- provenance
        cast(null as {{ dbt.type_timestamp() }}) as updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
