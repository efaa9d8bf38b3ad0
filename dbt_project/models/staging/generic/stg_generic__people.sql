-- Grain: one row per stored version of a person, as the generic extract gives it.
-- Trap: email is personal data: it stops at the intermediate layer.

with source_rows as (
    select * from {{ source('generic', 'people') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'people' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        person_id,

        ---------- strings
        name as person_name,
        email,
        role as role_code,
        manager_id,
        currency as currency_code,

        ---------- numerics
        approval_limit as approval_limit_amount,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
