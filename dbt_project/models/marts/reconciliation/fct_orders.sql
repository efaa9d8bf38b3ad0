-- Grain: one row per recon_key: the canonical order in its current version.
-- Trap: total_amount is 0 with has_known_total false where the source cannot say it; test and synthetic orders are in
-- here and in no figure.

with orders as (
    select * from {{ ref('int_orders') }}
),

order_states as (
    select * from {{ ref('int_order_states') }}
),

exceptions_summed_to_orders as (
    select
        recon_key,
        count(*) as open_exception_count,
        {{ money('sum(leak_amount)') }} as leak_amount
    from {{ ref('int_exceptions') }}
    where recon_key is not null
    group by recon_key
),

orders_closed_short as (
    select recon_key from {{ ref('int_orders_closed_short') }}
),

final as (
    select
        ---------- keys
        orders.recon_key,
        orders.tenant,
        orders.order_id,
        orders.source,
        orders.source_system,
        orders.customer_id,
        orders.contract_id,
        orders.sales_owner_id,

        ---------- strings
        orders.order_type,
        orders.channel,
        orders.customer_tier,
        orders.segment,
        orders.currency_code,
        case when orders_closed_short.recon_key is not null then 'closed_short' else orders.status_code end
            as order_status_code,
        case when orders.is_test or orders.is_synthetic then 'excluded' else order_states.state_code end as state_code,

        ---------- numerics
        coalesce(orders.total_amount, {{ money('0') }}) as total_amount,
        orders.version_no,
        coalesce(order_states.residual_amount, {{ money('0') }}) as residual_amount,
        case
            when order_states.state_code = 'reconciled'
            then greatest(
                    cast(
                        {{ seconds_between('orders.ordered_at', 'order_states.last_matched_at') }}
                        * cast(0.000277777778 as decimal(18, 12)) as decimal(18, 4)
                    ),
                    cast(0 as decimal(18, 4))
                )
        end as latency_hours,
        cast(coalesce(exceptions_summed_to_orders.open_exception_count, 0) as bigint) as open_exception_count,
        coalesce(exceptions_summed_to_orders.leak_amount, {{ money('0') }}) as leak_amount,

        ---------- booleans
        coalesce(order_states.state_code = 'reconciled', false) as is_reconciled,
        coalesce(orders.total_amount = 0, false) as is_zero_value,
        orders.is_synthetic,
        orders.is_test,
        orders.has_total as has_known_total,
        orders.has_lines,

        ---------- timestamps
        orders.ordered_at,
        case when order_states.state_code = 'reconciled' then order_states.last_matched_at end as reconciled_at,
        orders.sla_due_at
    from orders
    left join order_states
        on orders.recon_key = order_states.recon_key
    left join orders_closed_short
        on orders.recon_key = orders_closed_short.recon_key
    left join exceptions_summed_to_orders
        on orders.recon_key = exceptions_summed_to_orders.recon_key
)

select * from final
