-- Grain: one row per stored version of a invoice header, as the generic extract gives it.
-- Trap: a provisional invoice is replaced by its final one: do not sum both.

with source_rows as (
    select * from {{ source('generic', 'invoices') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'invoices' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        invoice_id,
        invoice_no,
        order_ref,
        customer_id,

        ---------- strings
        kind as kind_code,
        status as native_status,
        currency as currency_code,

        ---------- numerics
        net_amount,
        tax_amount,
        total_amount,

        ---------- booleans
        coalesce(is_provisional, false) as is_provisional,

        ---------- dates
        due_on,

        ---------- timestamps
        issued_at,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
