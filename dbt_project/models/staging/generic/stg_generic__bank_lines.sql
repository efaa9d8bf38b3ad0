-- Grain: one row per stored version of a bank statement line, as the generic extract gives it.
-- Trap: reference is free text and may hold anything.

with source_rows as (
    select * from {{ source('generic', 'bank_lines') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'bank_lines' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        account_id,
        line_id,

        ---------- strings
        reference as reference_note,
        counterparty as counterparty_note,
        currency as currency_code,

        ---------- numerics
        amount as bank_amount,

        ---------- dates
        value_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
