-- Grain: one row per stored version of a opportunity and day, as the generic extract gives it.
-- Trap: category changes from day to day: one row is one moment.

with source_rows as (
    select * from {{ source('generic', 'forecasts') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'forecasts' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        opportunity_id,
        as_of_on,

        ---------- strings
        category as category_code,
        currency as currency_code,

        ---------- numerics
        amount as forecast_amount,

        ---------- dates
        close_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
