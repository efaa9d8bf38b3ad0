-- Grain: one row per (metric_on, tenant, segment, customer_tier, sales_owner_id, source_system, leg_code, currency_code);
-- leg_code order is the order over all its legs.
-- Trap: metric_on is the day on which the leg fell due (an order: its own SLA day). Rates and percentiles cannot be
-- added: sum the counts and divide. Test, synthetic, draft and void orders are in no figure.

with orders as (
    select
        recon_key,
        tenant,
        source_system,
        segment,
        customer_tier,
        coalesce(sales_owner_id, '') as sales_owner_id,
        currency_code,
        total_amount,
        state_code,
        is_reconciled,
        is_zero_value,
        leak_amount,
        ordered_at,
        reconciled_at,
        sla_due_at
    from {{ ref('fct_orders') }}
    where not is_test
        and not is_synthetic
        and state_code not in ('draft', 'void')
),

legs as (
    select
        recon_key,
        leg_code,
        status_code,
        match_kind,
        expected_amount,
        is_due,
        due_at,
        matched_at
    from {{ ref('fct_order_legs') }}
    where status_code <> 'void'
),

last_events as (
    select
        recon_key,
        leg_code,
        last_event_at
    from {{ ref('int_leg_states') }}
),

exceptions as (
    select
        recon_key,
        leg_code,
        {{ money('sum(leak_amount)') }} as leak_amount
    from {{ ref('fct_exceptions') }}
    where recon_key is not null
    group by recon_key, leg_code
),

measured_legs as (
    select
        legs.recon_key,
        legs.leg_code,
        cast(legs.due_at as date) as metric_on,
        legs.is_due,
        legs.status_code = 'matched' as is_settled,
        legs.match_kind,
        legs.expected_amount as measured_amount,
        legs.status_code not in ('matched', 'not_due') as is_open,
        legs.status_code = 'exception' as is_failed,
        {{ hours_between('last_events.last_event_at', 'legs.matched_at') }} as latency_hours,
        {{ hours_between('orders.ordered_at', 'legs.matched_at') }} as booking_latency_hours,
        legs.matched_at is not null as has_latency,
        coalesce(exceptions.leak_amount, {{ money('0') }}) as leak_amount
    from legs
    inner join orders
        on legs.recon_key = orders.recon_key
    left join last_events
        on legs.recon_key = last_events.recon_key
        and legs.leg_code = last_events.leg_code
    left join exceptions
        on legs.recon_key = exceptions.recon_key
        and legs.leg_code = exceptions.leg_code
),

due_orders as (
    -- distinct: an order may have several legs that are due
    select distinct recon_key
    from legs
    where is_due
),

kinds_of_orders as (
    select
        recon_key,
        max(case when match_kind = 'tolerance' then 1 else 0 end) as has_tolerance,
        max(case when match_kind in ('manual', 'forced') then 1 else 0 end) as has_manual
    from legs
    group by recon_key
),

measured_orders as (
    select
        orders.recon_key,
        'order' as leg_code,
        cast(orders.sla_due_at as date) as metric_on,
        due_orders.recon_key is not null as is_due,
        orders.is_reconciled as is_settled,
        case
            when not orders.is_reconciled then 'none'
            when kinds_of_orders.has_manual = 1 then 'manual'
            when kinds_of_orders.has_tolerance = 1 then 'tolerance'
            else 'auto'
        end as match_kind,
        orders.total_amount as measured_amount,
        not orders.is_reconciled as is_open,
        orders.state_code = 'exception' as is_failed,
        {{ hours_between('orders.ordered_at', 'orders.reconciled_at') }} as latency_hours,
        {{ hours_between('orders.ordered_at', 'orders.reconciled_at') }} as booking_latency_hours,
        orders.reconciled_at is not null as has_latency,
        orders.leak_amount
    from orders
    left join due_orders
        on orders.recon_key = due_orders.recon_key
    left join kinds_of_orders
        on orders.recon_key = kinds_of_orders.recon_key
),

-- How long exceptions were worked on, told on the day on which they were seen to end.
resolutions as (
    select
        recon_key,
        case when leg_code in ('', 'order') then 'order' else leg_code end as leg_code,
        cast(ended_at as date) as metric_on,
        worked_hours
    from {{ ref('fct_resolutions') }}
    where recon_key is not null
),

-- The order is over all its legs.
resolutions_of_slices as (
    select
        recon_key,
        leg_code,
        metric_on,
        worked_hours
    from resolutions
    where leg_code <> 'order'
    union all
    select
        recon_key,
        'order' as leg_code,
        metric_on,
        worked_hours
    from resolutions
),

measured as (
    select * from measured_legs
    union all
    select * from measured_orders
),

measured_summed as (
    select
        measured.metric_on,
        orders.tenant,
        orders.segment,
        orders.customer_tier,
        orders.sales_owner_id,
        orders.source_system,
        measured.leg_code,
        orders.currency_code,
        count(*) as measured_count,
        {{ count_if('measured.is_due and not orders.is_zero_value') }} as due_count,
        {{ count_if('measured.is_due and measured.is_settled and not orders.is_zero_value') }} as reconciled_count,
        {{ count_if('orders.is_zero_value') }} as zero_value_count,
        {{ count_if("measured.is_due and measured.match_kind in ('auto', 'tolerance') and measured.is_settled " ~
            "and not orders.is_zero_value") }} as auto_count,
        {{ count_if("measured.is_due and measured.match_kind = 'tolerance' and measured.is_settled " ~
            "and not orders.is_zero_value") }} as tolerance_count,
        {{ count_if("measured.is_due and measured.match_kind in ('manual', 'forced') and measured.is_settled " ~
            "and not orders.is_zero_value") }} as manual_count,
        {{ count_if('measured.is_open') }} as open_count,
        {{ count_if('measured.is_failed') }} as exception_count,
        {{ count_if('measured.is_open and orders.sla_due_at <= ' ~ as_of()) }} as breached_count,
        {{ money('sum(case when measured.is_due then abs(measured.measured_amount) else 0 end)') }} as due_amount,
        {{ money('sum(case when measured.is_due and measured.is_settled then abs(measured.measured_amount) else 0 end)') }}
            as reconciled_amount,
        {{ money('sum(measured.leak_amount)') }} as leak_amount,
        {{ percentile_of('case when measured.has_latency then measured.latency_hours end', 0.5) }} as latency_p50_hours,
        {{ percentile_of('case when measured.has_latency then measured.latency_hours end', 0.95) }}
            as latency_p95_hours,
        {{ percentile_of('case when measured.has_latency then measured.booking_latency_hours end', 0.5) }}
            as booking_latency_p50_hours,
        {{ percentile_of('case when measured.has_latency then measured.booking_latency_hours end', 0.95) }}
            as booking_latency_p95_hours
    from measured
    inner join orders
        on measured.recon_key = orders.recon_key
    where measured.metric_on is not null
    group by
        measured.metric_on, orders.tenant, orders.segment, orders.customer_tier, orders.sales_owner_id,
        orders.source_system, measured.leg_code, orders.currency_code
),

resolutions_summed as (
    select
        resolutions_of_slices.metric_on,
        orders.tenant,
        orders.segment,
        orders.customer_tier,
        orders.sales_owner_id,
        orders.source_system,
        resolutions_of_slices.leg_code,
        orders.currency_code,
        count(*) as resolved_count,
        cast(sum(resolutions_of_slices.worked_hours) as decimal(18, 4)) as worked_hours
    from resolutions_of_slices
    inner join orders
        on resolutions_of_slices.recon_key = orders.recon_key
    group by
        resolutions_of_slices.metric_on, orders.tenant, orders.segment, orders.customer_tier, orders.sales_owner_id,
        orders.source_system, resolutions_of_slices.leg_code, orders.currency_code
),

final as (
    select
        ---------- keys
        coalesce(measured_summed.metric_on, resolutions_summed.metric_on) as metric_on,
        coalesce(measured_summed.tenant, resolutions_summed.tenant) as tenant,
        coalesce(measured_summed.segment, resolutions_summed.segment) as segment,
        coalesce(measured_summed.customer_tier, resolutions_summed.customer_tier) as customer_tier,
        coalesce(measured_summed.sales_owner_id, resolutions_summed.sales_owner_id) as sales_owner_id,
        coalesce(measured_summed.source_system, resolutions_summed.source_system) as source_system,
        coalesce(measured_summed.leg_code, resolutions_summed.leg_code) as leg_code,
        coalesce(measured_summed.currency_code, resolutions_summed.currency_code) as currency_code,

        ---------- numerics
        coalesce(measured_summed.measured_count, 0) as measured_count,
        coalesce(measured_summed.due_count, 0) as due_count,
        coalesce(measured_summed.reconciled_count, 0) as reconciled_count,
        coalesce(measured_summed.zero_value_count, 0) as zero_value_count,
        {{ rate_of('measured_summed.reconciled_count', 'measured_summed.due_count') }} as pass_rate,
        {{ rate_of('measured_summed.reconciled_amount', 'measured_summed.due_amount') }} as pass_amount_rate,
        {{ rate_of('measured_summed.auto_count', 'measured_summed.due_count') }} as auto_rate,
        {{ rate_of('measured_summed.tolerance_count', 'measured_summed.due_count') }} as tolerance_rate,
        {{ rate_of('measured_summed.manual_count', 'measured_summed.due_count') }} as manual_rate,
        cast(measured_summed.latency_p50_hours as decimal(18, 4)) as latency_p50_hours,
        cast(measured_summed.latency_p95_hours as decimal(18, 4)) as latency_p95_hours,
        cast(measured_summed.booking_latency_p50_hours as decimal(18, 4)) as booking_latency_p50_hours,
        cast(measured_summed.booking_latency_p95_hours as decimal(18, 4)) as booking_latency_p95_hours,
        coalesce(resolutions_summed.resolved_count, 0) as resolved_count,
        {{ shared_amount('resolutions_summed.worked_hours', '1', 'resolutions_summed.resolved_count') }}
            as mttr_hours,
        coalesce(measured_summed.open_count, 0) as open_count,
        coalesce(measured_summed.exception_count, 0) as exception_count,
        coalesce(measured_summed.breached_count, 0) as breached_count,
        coalesce(measured_summed.due_amount, {{ money('0') }}) as due_amount,
        coalesce(measured_summed.reconciled_amount, {{ money('0') }}) as reconciled_amount,
        coalesce(measured_summed.leak_amount, {{ money('0') }}) as leak_amount
    from measured_summed
    full outer join resolutions_summed
        on measured_summed.metric_on = resolutions_summed.metric_on
        and measured_summed.tenant = resolutions_summed.tenant
        and measured_summed.segment = resolutions_summed.segment
        and measured_summed.customer_tier = resolutions_summed.customer_tier
        and measured_summed.sales_owner_id = resolutions_summed.sales_owner_id
        and measured_summed.source_system = resolutions_summed.source_system
        and measured_summed.leg_code = resolutions_summed.leg_code
        and measured_summed.currency_code = resolutions_summed.currency_code
)

select * from final
