-- Grain: one row per order line of a contract, or of an amendment to it: the amount that must be planned for billing.
-- Trap: periods are not compared here, only what they come to; which period is wrong is told by the exception.

with order_lines as (
    select * from {{ ref('int_order_lines__billable') }}
    where not is_test
        and status_code in ('confirmed', 'closed')
),

planned_orders as (
    select * from {{ ref('int_planned_orders') }}
),

billed_orders as (
    select recon_key from {{ ref('int_billed_orders') }}
    where document_count > 0
),

planning_tenants as (
    -- distinct: a tenant has many plans
    select distinct tenant from {{ ref('int_billing_plans__unioned') }}
),

contributed as (
    select * from {{ ref('int_order_lines__contributed') }}
),

lines_by_document as (
    -- distinct: a document has many periods
    select distinct line_key from {{ ref('int_billing_plan_rows__placed') }}
    where document_ref is not null
),

lines_with_plans as (
    select
        line_key,
        count(*) as plan_count
    from {{ ref('int_billing_plan_rows__placed') }}
    where line_key is not null
    group by line_key
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'billing_plan'
),

-- Contracts are planned; what ships is billed when it leaves, unless a plan names it.
lines_to_plan as (
    select
        order_lines.*,
        coalesce(planned_orders.mode_code, 'TOTAL') as mode_code,
        lines_by_document.line_key is not null as is_by_document,
        leg_windows.window_hours,
        -- Each period is rounded once.
        coalesce(lines_with_plans.plan_count, 1) as rounding_count,
        coalesce(planned_orders.plan_count, 1) as order_rounding_count
    from order_lines
    inner join leg_windows
        on order_lines.order_type = leg_windows.order_type
        and order_lines.ordered_on >= leg_windows.effective_from
        and order_lines.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
    left join planned_orders
        on order_lines.recon_key = planned_orders.recon_key
    left join planning_tenants
        on order_lines.tenant = planning_tenants.tenant
    left join billed_orders
        on order_lines.recon_key = billed_orders.recon_key
    left join lines_by_document
        on order_lines.line_key = lines_by_document.line_key
    left join lines_with_plans
        on order_lines.line_key = lines_with_plans.line_key
    where order_lines.net_amount <> 0
        and (
            planned_orders.recon_key is not null
            or (
                order_lines.contract_id is not null
                and coalesce(order_lines.fulfilment_code, 'service') = 'service'
                and billed_orders.recon_key is null
                and (planning_tenants.tenant is not null or order_lines.order_type = 'renewal')
            )
        )
        and (
            coalesce(order_lines.fulfilment_code, 'service') <> 'ship'
            or coalesce(planned_orders.mode_code, 'TOTAL') = 'TOTAL'
            or lines_with_plans.line_key is not null
        )
),

by_line as (
    select
        line_key as anchor_key,
        recon_key,
        line_key,
        net_amount as expected_amount,
        quantity as expected_quantity,
        rounding_count,
        {{ plus_hours('ordered_at', 'window_hours') }} as due_at
    from lines_to_plan
    where mode_code = 'LINES'
        and not is_by_document
),

by_document as (
    select
        lines_to_plan.line_key || '-'
        || case when contributed.is_amendment then contributed.document_ref else '' end as anchor_key,
        min(lines_to_plan.recon_key) as recon_key,
        lines_to_plan.line_key,
        {{ money('sum(contributed.net_amount)') }} as expected_amount,
        {{ quantity('sum(contributed.changed_quantity)') }} as expected_quantity,
        max(lines_to_plan.rounding_count) as rounding_count,
        min({{ plus_hours('contributed.ordered_at', 'lines_to_plan.window_hours') }}) as due_at
    from lines_to_plan
    inner join contributed
        on lines_to_plan.line_key = contributed.line_key
    where lines_to_plan.mode_code = 'LINES'
        and lines_to_plan.is_by_document
    group by
        lines_to_plan.line_key,
        case when contributed.is_amendment then contributed.document_ref else '' end
),

by_order as (
    select
        recon_key || '|plan' as anchor_key,
        recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        {{ money('sum(net_amount)') }} as expected_amount,
        {{ quantity('0') }} as expected_quantity,
        max(order_rounding_count) as rounding_count,
        min({{ plus_hours('ordered_at', 'window_hours') }}) as due_at
    from lines_to_plan
    where mode_code = 'TOTAL'
    group by recon_key
),

planned as (
    select * from by_line
    union all
    select * from by_document
    union all
    select * from by_order
),

orders as (
    select * from {{ ref('int_orders') }}
),

final as (
    select
        ---------- keys
        'billing_plan' as leg_code,
        planned.anchor_key,
        planned.recon_key,
        planned.line_key,
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
        planned.expected_amount,
        planned.expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        cast(planned.rounding_count as bigint) as rounding_count,

        ---------- dates
        orders.ordered_on as business_on,

        ---------- timestamps
        planned.due_at
    from planned
    inner join orders
        on planned.recon_key = orders.recon_key
)

select * from final
