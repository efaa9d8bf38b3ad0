-- Grain: one row per stored version of a settlement batch, as the generic extract gives it.
-- Trap: net is stated by the provider, not recomputed.

with source_rows as (
    select * from {{ source('generic', 'settlement_batches') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'settlement_batches' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        batch_id,
        trace_id,

        ---------- strings
        provider,
        status as native_status,
        currency as currency_code,

        ---------- numerics
        net_amount,

        ---------- dates
        payout_on,

        ---------- timestamps
        closed_at,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
