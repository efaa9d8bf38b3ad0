-- Grain: one row per stored version of a price of a product in a currency from a date, as the generic extract gives it.
-- Trap: several rows a product: choose by date and segment.

with source_rows as (
    select * from {{ source('generic', 'price_book') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'price_book' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        sku,
        currency as currency_code,

        ---------- strings
        segment,

        ---------- numerics
        unit_price as unit_rate,

        ---------- dates
        valid_from as valid_from_on,
        valid_to as valid_to_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
