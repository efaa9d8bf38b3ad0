-- Grain: one row per stored version of a document at a target, as the target lists it.
-- Trap: each list states its moment in each row, so a list makes a version of every document that it has.

with source_rows as (
    select * from {{ source('targets', 'documents') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'targets' as source,
        'documents' as stream,
        tenant,
        target as source_system,
        cast('' as {{ dbt.type_string() }}) as source_instance,
        target as target_code,
        external_id,
        external_key,

        ---------- strings
        status as native_status,
        currency as currency_code,
        content_hash,

        ---------- numerics
        amount as held_amount,

        ---------- timestamps
        listed_at,

        ---------- provenance
        listed_at as updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
