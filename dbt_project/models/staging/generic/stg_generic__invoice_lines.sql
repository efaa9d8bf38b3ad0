-- Grain: one row per stored version of a invoice line, as the generic extract gives it.
-- Trap: order_ref may differ from the header's on a consolidated invoice.

with source_rows as (
    select * from {{ source('generic', 'invoice_lines') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'invoice_lines' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        invoice_id,
        line_no,
        order_ref,
        order_line_no,
        sku,

        ---------- numerics
        quantity,
        unit_price as unit_rate,
        net_amount,
        tax_amount,

        ---------- dates
        service_start_on,
        service_end_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
