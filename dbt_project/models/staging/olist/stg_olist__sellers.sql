-- Grain: one row per stored version of a seller of Olist.
-- Trap: no commission rate is given; unknown is null, not zero.

with source_rows as (
    select * from {{ source('olist', 'sellers') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'sellers' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        seller_id,

        ---------- strings
        cast(null as {{ dbt.type_string() }}) as seller_name,
        cast(null as {{ dbt.type_string() }}) as recon_owner_id,
        'BRL' as currency_code,

        ---------- numerics
        cast(null as decimal(9, 6)) as commission_rate,

        ---------- provenance
        cast(null as timestamp) as updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
