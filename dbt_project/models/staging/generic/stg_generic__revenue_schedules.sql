-- Grain: one row per stored version of a order line and period, as the generic extract gives it.
-- Trap: planned and posted rows of one period are versions, not a sum.

with source_rows as (
    select * from {{ source('generic', 'revenue_schedules') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'revenue_schedules' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        order_ref,
        order_line_no,
        period as period_code,

        ---------- strings
        status as native_status,
        currency as currency_code,

        ---------- numerics
        amount as revenue_amount,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
