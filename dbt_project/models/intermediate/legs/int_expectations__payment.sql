-- Grain: one row per order that commits the customer to pay: what must be received for it.
-- Trap: a cancelled order expects 0, unless its source keeps it due until a reversal is seen (order_statuses).

with orders as (
    select * from {{ ref('int_orders') }}
    where not is_test
        and status_code not in ('draft', 'deleted')
        and has_total
),

leg_windows as (
    select * from {{ ref('leg_windows') }}
    where leg_code = 'payment'
),

final as (
    select
        ---------- keys
        'payment' as leg_code,
        orders.recon_key as anchor_key,
        orders.recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
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
        case when orders.is_due_for_payment then orders.total_amount else {{ money('0') }} end as expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        orders.rounding_count as rounding_count,

        ---------- dates
        orders.ordered_on as business_on,

        ---------- timestamps
        case
            when orders.term_days is not null
            then {{ plus_hours('orders.ordered_at', 'orders.term_days * 24') }}
            else {{ plus_hours('orders.ordered_at', 'leg_windows.window_hours') }}
        end as due_at
    from orders
    inner join leg_windows
        on orders.order_type = leg_windows.order_type
        and orders.ordered_on >= leg_windows.effective_from
        and (leg_windows.effective_to is null or orders.ordered_on < leg_windows.effective_to)
)

select * from final
