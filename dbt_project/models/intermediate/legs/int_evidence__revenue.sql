-- Grain: one row per revenue schedule line that is not reversed, with the order line whose revenue it is.
-- Trap: planned and posted amounts count alike; a period has one row, whose latest version holds.

with scheduled_orders as (
    select * from {{ ref('int_scheduled_orders') }}
),

final as (
    select
        ---------- keys
        'revenue' as leg_code,
        case
            when schedules.recon_key is null then null
            when coalesce(scheduled_orders.mode_code, 'TOTAL') = 'TOTAL' then schedules.recon_key || '|revenue'
            else schedules.line_key
        end as anchor_key,
        schedules.recon_key,
        schedules.tenant,
        schedules.source,
        schedules.stream,
        schedules.source_system,
        coalesce(schedules.order_ref, '') || ' ' || schedules.period_code as native_id,
        cast(null as {{ dbt.type_string() }}) as line_no,
        schedules.order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        schedules.ref_status,
        schedules.status_code as kind_code,
        schedules.currency_code,

        ---------- numerics
        schedules.revenue_amount as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        schedules.known_at as event_at,
        schedules.known_at,

        ---------- provenance
        schedules._row_key
    from {{ ref('int_revenue_rows__placed') }} as schedules
    left join scheduled_orders
        on schedules.recon_key = scheduled_orders.recon_key
)

select * from final
