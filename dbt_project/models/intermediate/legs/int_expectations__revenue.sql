-- Grain: one row per order line that earns revenue over time, or per order whose schedule names no lines.
-- Trap: tax is no revenue, and a gift card earns none when it is sold.

with order_lines as (
    select
        billable.*,
        case
            when billable.is_gift_card then {{ money('0') }}
            when billable.is_tax_included then {{ money('billable.net_amount - billable.tax_amount') }}
            else billable.net_amount
        end as earned_amount
    from {{ ref('int_order_lines__billable') }} as billable
    where not billable.is_test
        and billable.status_code in ('confirmed', 'closed')
),

scheduled_orders as (
    select * from {{ ref('int_scheduled_orders') }}
),

scheduled_lines as (
    select
        line_key,
        count(*) as schedule_count
    from {{ ref('int_revenue_rows__placed') }}
    where line_key is not null
    group by line_key
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'revenue'
),

lines_to_schedule as (
    select
        order_lines.*,
        coalesce(scheduled_orders.mode_code, 'LINES') as mode_code,
        -- Each period is rounded once.
        coalesce(scheduled_lines.schedule_count, 0) + 1 as rounding_count,
        coalesce(scheduled_orders.schedule_count, 0) + 1 as order_rounding_count,
        {{ plus_hours("""
            greatest(
                order_lines.ordered_at,
                coalesce(cast(order_lines.service_start_on as timestamp), order_lines.ordered_at)
            )
        """, 'leg_windows.window_hours') }} as due_at
    from order_lines
    inner join leg_windows
        on order_lines.order_type = leg_windows.order_type
        and order_lines.ordered_on >= leg_windows.effective_from
        and order_lines.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
    left join scheduled_orders
        on order_lines.recon_key = scheduled_orders.recon_key
    left join scheduled_lines
        on order_lines.line_key = scheduled_lines.line_key
    where order_lines.earned_amount <> 0
        and (
            scheduled_orders.recon_key is not null
            or order_lines.service_start_on is not null
            or order_lines.contract_id is not null
            or coalesce(order_lines.fulfilment_code = 'service', false)
        )
),

scheduled as (
    select
        line_key as anchor_key,
        recon_key,
        line_key,
        earned_amount,
        rounding_count,
        due_at
    from lines_to_schedule
    where mode_code = 'LINES'
    union all
    select
        recon_key || '|revenue' as anchor_key,
        recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        {{ money('sum(earned_amount)') }} as earned_amount,
        max(order_rounding_count) as rounding_count,
        min(due_at) as due_at
    from lines_to_schedule
    where mode_code = 'TOTAL'
    group by recon_key
),

orders as (
    select * from {{ ref('int_orders') }}
),

final as (
    select
        ---------- keys
        'revenue' as leg_code,
        scheduled.anchor_key,
        scheduled.recon_key,
        scheduled.line_key,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        orders.tenant,
        orders.source,
        orders.source_system,
        orders.order_id as native_id,

        ---------- strings
        orders.currency_code,
        cast(null as {{ dbt.type_string() }}) as explained_class,

        ---------- numerics
        scheduled.earned_amount as expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        cast(scheduled.rounding_count as bigint) as rounding_count,

        ---------- dates
        orders.ordered_on as business_on,

        ---------- timestamps
        scheduled.due_at
    from scheduled
    inner join orders
        on scheduled.recon_key = orders.recon_key
)

select * from final
