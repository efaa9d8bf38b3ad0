-- Grain: one row per stored version of a planned billing period of an order line, as the generic extract gives it.
-- Trap: a cancelled plan row stays.

with source_rows as (
    select * from {{ source('generic', 'billing_plans') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'billing_plans' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        plan_id,
        contract_id,
        order_ref,
        order_line_no,

        ---------- strings
        status as native_status,
        currency as currency_code,

        ---------- numerics
        quantity,
        unit_price as unit_rate,
        net_amount,

        ---------- dates
        service_start_on,
        service_end_on,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
