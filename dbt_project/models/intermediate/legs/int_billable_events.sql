-- Grain: one row per event_key: what is to be invoiced of an order line, as a whole, by period or by amendment.
-- Trap: expected_amount is what is billable by now (goods that left, periods that began); ceiling_amount is how far
-- billing may run ahead of it. Nothing here knows of tax.

with order_lines as (
    select billable.*
    from {{ ref('int_order_lines__billable') }} as billable
    inner join {{ ref('int_legs_in_use') }} as legs_in_use
        on billable.tenant = legs_in_use.tenant
        and legs_in_use.leg_code = 'invoice'
    where not billable.is_test
        and billable.status_code in ('confirmed', 'closed')
),

billed_lines as (
    select * from {{ ref('int_billed_lines') }}
),

billed_orders as (
    select
        recon_key,
        total_amount >= gross_amount as is_billed_in_full
    from {{ ref('int_billed_orders') }}
    where document_count > 0
),

shipped_lines as (
    select * from {{ ref('int_shipped_lines') }}
),

shipping_tenants as (
    -- distinct: a tenant ships many lines
    select distinct tenant from {{ ref('int_shipment_lines__unioned') }}
),

shipping_orders as (
    -- distinct: an order ships several lines
    select distinct order_lines.recon_key
    from order_lines
    inner join shipped_lines
        on order_lines.line_key = shipped_lines.line_key
),

planned_lines as (
    select
        plans.line_key,
        plans.recon_key,
        plans.service_start_on,
        {{ money('sum(plans.net_amount)') }} as net_amount,
        {{ quantity('sum(coalesce(plans.quantity, 0))') }} as quantity
    from {{ ref('int_billing_plan_rows__placed') }} as plans
    inner join {{ ref('int_planned_orders') }} as planned_orders
        on plans.recon_key = planned_orders.recon_key
        and planned_orders.mode_code = 'LINES'
    inner join order_lines
        on plans.line_key = order_lines.line_key
        and plans.currency_code = order_lines.currency_code
    group by plans.line_key, plans.recon_key, plans.service_start_on
),

lines_with_plans as (
    -- distinct: a line has many periods
    select distinct line_key from planned_lines
),

planned_orders as (
    select recon_key from {{ ref('int_planned_orders') }}
),

plan_leg_tenants as (
    select tenant from {{ ref('int_legs_in_use') }}
    where leg_code = 'billing_plan'
),

-- Invoices that name no period, or one that was not planned, cannot be held against single periods.
periods_not_planned as (
    select placed.line_key
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join lines_with_plans
        on placed.line_key = lines_with_plans.line_key
    left join planned_lines
        on placed.line_key = planned_lines.line_key
        and placed.service_start_on = planned_lines.service_start_on
    where placed.is_live
        and placed.row_kind = 'LINE'
        and planned_lines.line_key is null
    group by placed.line_key
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'invoice'
),

billing_rules as (
    select * from {{ ref('billing_rules') }}
),

with_facts as (
    select
        order_lines.*,
        leg_windows.window_hours,
        coalesce(billing_rules.hour_count, 0) as return_hours,
        coalesce(shipped_lines.has_shipped, false) as has_shipped,
        case
            when shipped_lines.has_shipped then shipped_lines.shipped_quantity
            when coalesce(shipped_lines.returned_quantity, 0) > 0 then order_lines.quantity
            else {{ quantity('0') }}
        end as shipped_quantity,
        -- What left beyond the order and came back is neither billed nor credited: too much, or the piece that was exchanged.
        {{ quantity("""
            greatest(
                coalesce(shipped_lines.returned_quantity, 0)
                - greatest(coalesce(shipped_lines.shipped_quantity, 0) - greatest(order_lines.quantity, 0), 0),
                0
            )
        """) }} as returned_quantity,
        coalesce(shipped_lines.cancelled_quantity, {{ quantity('0') }}) as cancelled_quantity,
        shipped_lines.last_shipped_at,
        shipped_lines.last_returned_at,
        billed_lines.billed_through_on,
        coalesce(billed_lines.row_count, 0) as billed_row_count,
        coalesce(billed_lines.provisional_count, 0) as provisional_count,
        coalesce(billed_lines.amendment_row_count, 0) as amendment_row_count,
        order_lines.status_code = 'closed' as is_closed,
        order_lines.quantity > 0 and shipping_tenants.tenant is not null
        and (
            coalesce(order_lines.fulfilment_code = 'ship', false)
            or (order_lines.fulfilment_code is null and shipping_orders.recon_key is not null)
        ) as is_billed_on_shipment,
        lines_with_plans.line_key is not null as is_planned,
        periods_not_planned.line_key is not null as is_planned_as_one,
        -- An order that should be planned and is neither planned nor billed is told on the plan's leg.
        plan_leg_tenants.tenant is not null
        and order_lines.contract_id is not null
        and planned_orders.recon_key is null
        and billed_orders.recon_key is null
        and coalesce(order_lines.fulfilment_code, 'service') = 'service' as is_left_to_plan
    from order_lines
    inner join leg_windows
        on order_lines.order_type = leg_windows.order_type
        and order_lines.ordered_on >= leg_windows.effective_from
        and order_lines.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
    left join billing_rules
        on billing_rules.rule_code = 'RETURN_CREDIT'
        and order_lines.ordered_on >= billing_rules.effective_from
        and order_lines.ordered_on < coalesce(billing_rules.effective_to, {{ end_of_time() }})
    left join shipped_lines
        on order_lines.line_key = shipped_lines.line_key
    left join billed_lines
        on order_lines.line_key = billed_lines.line_key
    left join shipping_tenants
        on order_lines.tenant = shipping_tenants.tenant
    left join shipping_orders
        on order_lines.recon_key = shipping_orders.recon_key
    left join lines_with_plans
        on order_lines.line_key = lines_with_plans.line_key
    left join periods_not_planned
        on order_lines.line_key = periods_not_planned.line_key
    left join plan_leg_tenants
        on order_lines.tenant = plan_leg_tenants.tenant
    left join planned_orders
        on order_lines.recon_key = planned_orders.recon_key
    left join billed_orders
        on order_lines.recon_key = billed_orders.recon_key
),

with_quantities as (
    select
        *,
        case
            when not is_billed_on_shipment then quantity
            else greatest(least(shipped_quantity, quantity) - returned_quantity, 0)
        end as billable_quantity,
        -- That a closed order left short is told on the fulfilment leg; only where the rest was cancelled, or billing
        -- went by what left all along, is more than that wrong on the bill.
        case
            when not is_billed_on_shipment then quantity
            when not is_closed then greatest(quantity - returned_quantity, 0)
            when shipped_quantity + cancelled_quantity < quantity and provisional_count = 0
            then greatest(quantity - returned_quantity, 0)
            else greatest(least(shipped_quantity, quantity) - returned_quantity, 0)
        end as most_quantity,
        is_billed_on_shipment
        and returned_quantity > 0
        and {{ plus_hours('last_returned_at', 'return_hours') }} > {{ as_of() }} as is_return_open,
        provisional_count > 0 and billed_row_count = 0
        and is_billed_on_shipment and not is_closed and shipped_quantity < quantity as is_provisional_open
    from with_facts
),

-- A change that is still to take effect: nobody misses its invoice yet, unless everything was billed ahead.
upcoming_changes as (
    select
        with_quantities.line_key,
        {{ quantity('sum(contributed.changed_quantity)') }} as upcoming_quantity,
        {{ money('sum(contributed.net_amount)') }} as upcoming_amount
    from with_quantities
    inner join {{ ref('int_order_lines__contributed') }} as contributed
        on with_quantities.line_key = contributed.line_key
    left join billed_orders
        on with_quantities.recon_key = billed_orders.recon_key
    where not coalesce(billed_orders.is_billed_in_full, false)
        and contributed.is_amendment
        and contributed.net_amount > 0
        and {{ plus_hours("""
            greatest(contributed.ordered_at, cast(contributed.effective_on as timestamp))
        """, 'with_quantities.window_hours') }} > {{ as_of() }}
    group by with_quantities.line_key
),

with_upcoming as (
    select
        with_quantities.*,
        upcoming_changes.line_key is not null as has_upcoming,
        coalesce(upcoming_changes.upcoming_quantity, {{ quantity('0') }}) as upcoming_quantity,
        coalesce(upcoming_changes.upcoming_amount, {{ money('0') }}) as upcoming_amount
    from with_quantities
    left join upcoming_changes
        on with_quantities.line_key = upcoming_changes.line_key
),

whole_lines as (
    select
        line_key as event_key,
        line_key,
        recon_key,
        cast(null as date) as period_start_on,
        cast(null as {{ dbt.type_string() }}) as document_ref,
        case
            when is_provisional_open then {{ quantity('0') }}
            when is_billed_on_shipment then {{ quantity('billable_quantity') }}
            else {{ quantity('billable_quantity - upcoming_quantity') }}
        end as expected_quantity,
        case
            when is_provisional_open then {{ money('0') }}
            when has_upcoming and not is_billed_on_shipment then {{ money('net_amount - upcoming_amount') }}
            else {{ part_of('net_amount', 'billable_quantity', 'quantity', 'exponent') }}
        end as expected_amount,
        case
            when is_return_open then net_amount
            when is_billed_on_shipment then {{ part_of('net_amount', 'most_quantity', 'quantity', 'exponent') }}
            when has_upcoming then net_amount
        end as ceiling_amount,
        case
            when is_return_open then {{ plus_hours('last_returned_at', 'return_hours') }}
            when is_billed_on_shipment then {{ plus_hours('coalesce(last_shipped_at, ordered_at)', 'window_hours') }}
            when billed_through_on < service_end_on
            then {{ plus_hours('cast(billed_through_on as timestamp)', 'window_hours + 24') }}
            else {{ plus_hours('greatest(ordered_at, coalesce(cast(service_start_on as timestamp), ordered_at))', 'window_hours') }}
        end as due_at
    from with_upcoming
    where not is_planned
        and not is_left_to_plan
        and not (is_amended and amendment_row_count > 0)
),

-- An amendment may name one line twice: what it takes off at the old price and what it adds at the new one.
amended_lines as (
    select
        with_quantities.line_key || '-' || contributed.document_ref as event_key,
        with_quantities.line_key,
        with_quantities.recon_key,
        cast(null as date) as period_start_on,
        case when contributed.is_amendment then contributed.document_ref end as document_ref,
        {{ quantity('sum(contributed.changed_quantity)') }} as expected_quantity,
        {{ money('sum(contributed.net_amount)') }} as expected_amount,
        cast(null as decimal(18, 4)) as ceiling_amount,
        max({{ plus_hours("""
            greatest(
                contributed.ordered_at,
                cast(contributed.effective_on as timestamp),
                coalesce(cast(contributed.service_start_on as timestamp), contributed.ordered_at)
            )
        """, 'with_quantities.window_hours') }}) as due_at
    from with_quantities
    inner join {{ ref('int_order_lines__contributed') }} as contributed
        on with_quantities.line_key = contributed.line_key
    where with_quantities.is_amended
        and with_quantities.amendment_row_count > 0
        and not with_quantities.is_planned
    group by with_quantities.line_key, with_quantities.recon_key, contributed.document_ref, contributed.is_amendment
),

with_due as (
    select
        planned_lines.*,
        with_quantities.is_planned_as_one,
        {{ plus_hours("""
            greatest(with_quantities.ordered_at, cast(planned_lines.service_start_on as timestamp))
        """, 'with_quantities.window_hours') }} as due_at
    from planned_lines
    inner join with_quantities
        on planned_lines.line_key = with_quantities.line_key
),

planned_periods as (
    select
        line_key || '-' || cast(service_start_on as {{ dbt.type_string() }}) as event_key,
        line_key,
        recon_key,
        service_start_on as period_start_on,
        cast(null as {{ dbt.type_string() }}) as document_ref,
        quantity as expected_quantity,
        net_amount as expected_amount,
        cast(null as decimal(18, 4)) as ceiling_amount,
        due_at
    from with_due
    where not is_planned_as_one
),

planned_in_all as (
    select
        line_key as event_key,
        line_key,
        min(recon_key) as recon_key,
        cast(null as date) as period_start_on,
        cast(null as {{ dbt.type_string() }}) as document_ref,
        {{ quantity('max(quantity)') }} as expected_quantity,
        {{ money('sum(case when due_at <= ' ~ as_of() ~ ' then net_amount else 0 end)') }} as expected_amount,
        {{ money('sum(net_amount)') }} as ceiling_amount,
        max(case when due_at <= {{ as_of() }} then due_at end) as due_at
    from with_due
    where is_planned_as_one
    group by line_key
),

final as (
    select * from whole_lines
    union all
    select * from amended_lines
    union all
    select * from planned_periods
    union all
    select * from planned_in_all
)

select * from final
