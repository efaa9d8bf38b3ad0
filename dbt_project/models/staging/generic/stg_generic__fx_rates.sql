-- Grain: one row per stored version of a currency pair and day, as the generic extract gives it.
-- Trap: no rate means unknown, never 1.

with source_rows as (
    select * from {{ source('generic', 'fx_rates') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'fx_rates' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        from_currency as from_currency_code,
        to_currency as to_currency_code,

        ---------- strings
        source as rate_source,

        ---------- numerics
        rate as fx_rate,

        ---------- dates
        rate_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
