-- Grain: one row per stored version of a seller, as the generic extract gives it.
-- Trap: commission_rate is today's: history is in its row versions.

with source_rows as (
    select * from {{ source('generic', 'sellers') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'sellers' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        seller_id,

        ---------- strings
        name as seller_name,
        recon_owner_id,
        currency as currency_code,

        ---------- numerics
        commission_rate,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
