-- Grain: one row per order that commits the customer to pay: what must be received for it.
-- Trap: a cancelled order expects 0, unless its source keeps it due until a reversal is seen (order_statuses). What
-- is owed back (credit memos, goods that came back and were refunded, refunds that bounced) is not expected. An order
-- that was closed short is due as finally billed. No invoice asks for a tip, and it is due all the same.

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

invoiced_orders as (
    select * from {{ ref('int_invoiced_orders') }}
),

reversals as (
    select * from {{ ref('int_payment_reversals') }}
),

orders_closed_short as (
    select recon_key from {{ ref('int_orders_closed_short') }}
),

returns_summed_to_orders as (
    select
        returned_lines.recon_key,
        {{ money("""
            sum(
                returned_lines.returned_amount
                + case when orders.is_tax_included then 0 else returned_lines.returned_tax_amount end
            )
        """) }} as returned_amount,
        min(case when returned_lines.is_whole_line then 1 else 0 end) as is_whole
    from {{ ref('int_returned_lines') }} as returned_lines
    inner join orders
        on returned_lines.recon_key = orders.recon_key
    group by returned_lines.recon_key
),

refunds_of_sellers as (
    select
        recon_key,
        max(refunded_order_amount) as refunded_amount
    from {{ ref('int_seller_refunds') }}
    where refunded_order_amount > 0
    group by recon_key
),

-- Goods that came back are worth money once some was returned for them; until then that is the return's own matter.
with_documents as (
    select
        orders.*,
        invoiced_orders.invoiced_amount,
        invoiced_orders.is_invoiced,
        invoiced_orders.credited_amount,
        invoiced_orders.last_due_on,
        case
            when orders_closed_short.recon_key is not null
                and invoiced_orders.is_invoiced
                and not invoiced_orders.is_only_provisional
            then {{ money('least(orders.due_amount, invoiced_orders.invoiced_amount + coalesce(orders.tip_amount, 0))') }}
            else orders.due_amount
        end as payable_amount,
        coalesce(reversals.bounced_amount, {{ money('0') }}) as bounced_amount,
        coalesce(invoiced_orders.credited_amount, {{ money('0') }}) as given_amount,
        coalesce(returns_summed_to_orders.returned_amount, {{ money('0') }}) as returned_amount,
        coalesce(refunds_of_sellers.refunded_amount, {{ money('0') }}) as sellers_amount,
        coalesce(reversals.refunded_amount > 0, false) as is_refunded,
        reversals.refunded_amount > 0 and returns_summed_to_orders.is_whole = 0 as is_returned_in_part
    from orders
    left join invoiced_orders
        on orders.recon_key = invoiced_orders.recon_key
        and orders.currency_code = invoiced_orders.currency_code
    left join reversals
        on orders.recon_key = reversals.recon_key
        and orders.currency_code = reversals.currency_code
    left join orders_closed_short
        on orders.recon_key = orders_closed_short.recon_key
    left join returns_summed_to_orders
        on orders.recon_key = returns_summed_to_orders.recon_key
    left join refunds_of_sellers
        on orders.recon_key = refunds_of_sellers.recon_key
),

-- Of what was credited, the part that takes the bill below what is due; what came back is such a part whatever was billed.
with_credits as (
    select
        with_documents.*,
        case
            when given_amount > 0 and is_invoiced
            then greatest(
                    least(
                        given_amount,
                        {{ money('payable_amount - coalesce(tip_amount, 0) - (invoiced_amount - given_amount)') }}
                    ),
                    least(given_amount, returned_amount),
                    {{ money('0') }}
                )
            when given_amount > 0 then given_amount
            when sellers_amount > 0 then sellers_amount
            when is_refunded then returned_amount
            else {{ money('0') }}
        end as credit_amount
    from with_documents
),

final as (
    select
        ---------- keys
        'payment' as leg_code,
        with_credits.recon_key as anchor_key,
        with_credits.recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        with_credits.tenant,
        with_credits.source,
        with_credits.source_system,
        with_credits.order_id as native_id,

        ---------- strings
        with_credits.currency_code,
        'BILLED' as explained_class,

        ---------- numerics
        case
            when with_credits.is_due_for_payment
            then greatest(
                    {{ money('with_credits.payable_amount - greatest(with_credits.credit_amount, with_credits.bounced_amount)') }},
                    -- A return is due the other way.
                    least(with_credits.payable_amount, {{ money('0') }})
                )
            else {{ money('0') }}
        end as expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        -- What was billed and paid is settled: that the bill differs from the order is told on the invoice leg.
        case
            when with_credits.is_due_for_payment and with_credits.is_invoiced
            then {{ money('with_credits.invoiced_amount - with_credits.credited_amount + coalesce(with_credits.tip_amount, 0)') }}
        end as explained_amount,
        case when with_credits.is_returned_in_part then 0 else with_credits.rounding_count end as rounding_count,

        ---------- dates
        with_credits.ordered_on as business_on,

        ---------- timestamps
        case
            when with_credits.last_due_on is not null
            then {{ plus_hours('cast(with_credits.last_due_on as timestamp)', '24') }}
            when with_credits.term_days is not null
            then {{ plus_hours('with_credits.ordered_at', 'with_credits.term_days * 24') }}
            else {{ plus_hours('with_credits.ordered_at', 'leg_windows.window_hours') }}
        end as due_at
    from with_credits
    inner join leg_windows
        on with_credits.order_type = leg_windows.order_type
        and with_credits.ordered_on >= leg_windows.effective_from
        and with_credits.ordered_on < coalesce(leg_windows.effective_to, {{ end_of_time() }})
)

select * from final
