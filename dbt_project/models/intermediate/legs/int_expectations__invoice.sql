-- Grain: one row per billable event, per order for tax and charges, or per order where lines cannot be compared; one
-- per consolidated invoice for the sum of its lines.
-- Trap: tax is expected on what was billed: a line that is not billed yet lacks its tax too. Orders of which nothing
-- is billable yet expect nothing.

with orders as (
    select * from {{ ref('int_orders') }}
),

billed_orders as (
    select * from {{ ref('int_billed_orders') }}
),

order_lines as (
    select * from {{ ref('int_order_lines__billable') }}
),

billed_lines as (
    select * from {{ ref('int_billed_lines') }}
),

events as (
    select * from {{ ref('int_billable_events') }}
),

billing_rules as (
    select * from {{ ref('billing_rules') }}
    where rule_code = 'PRICE_TOLERANCE'
),

-- A price that is off by little money and by a small share of it is let pass, whatever was invoiced.
priced_events as (
    select
        events.*,
        order_lines.net_amount as line_net_amount,
        case
            when events.event_key = events.line_key
                and not order_lines.is_tax_included
                and not order_lines.is_amended
                and billed_lines.credited_amount = 0
                and coalesce(billed_lines.billed_quantity, events.expected_quantity) = events.expected_quantity
                and abs(billed_lines.net_amount - events.expected_amount) <= billing_rules.amount
                and abs(billed_lines.net_amount - events.expected_amount)
                <= {{ wide('abs(events.expected_amount)') }} * billing_rules.rate
                and (
                    (billed_lines.list_amount is null and billed_lines.billed_quantity is null)
                    or abs(
                        billed_lines.list_amount
                        - events.expected_quantity * order_lines.unit_rate * order_lines.price_factor
                        - (billed_lines.net_amount - events.expected_amount)
                    ) < {{ half_minor_unit('order_lines.exponent') }}
                )
            then billed_lines.net_amount
        end as tolerated_amount,
        coalesce(billed_lines.row_count, 0) as billed_row_count,
        -- Such a line is stated one way or the other, so that the lines come to the whole.
        not order_lines.is_amended
        and cast(
            {{ exact_product('order_lines.quantity', 'order_lines.unit_rate') }} * order_lines.price_factor
            as decimal(38, 12)
        )
        - order_lines.discount_amount <> order_lines.net_amount as is_finer_than_minor_unit
    from events
    inner join order_lines
        on events.line_key = order_lines.line_key
    left join billed_lines
        on events.line_key = billed_lines.line_key
    left join billing_rules
        on order_lines.ordered_on >= billing_rules.effective_from
        and order_lines.ordered_on < coalesce(billing_rules.effective_to, {{ end_of_time() }})
),

events_summed_to_orders as (
    select
        recon_key,
        {{ money('sum(expected_amount)') }} as expected_amount,
        {{ money('sum(coalesce(ceiling_amount, expected_amount))') }} as ceiling_amount,
        count(*) as event_count,
        min(case when expected_amount <> 0 then due_at end) as due_at,
        min(due_at) as first_due_at
    from events
    group by recon_key
),

taxes_summed_to_orders as (
    select
        order_lines.recon_key,
        {{ money("""
            sum(
                case
                    when billed_lines.net_amount = order_lines.net_amount or order_lines.net_amount <= 0
                    then order_lines.tax_amount
                    when billed_lines.net_amount <= 0 then 0
                    else """ ~ shared_amount('greatest(order_lines.tax_amount, 0)', 'billed_lines.net_amount', 'order_lines.net_amount') ~ """
                end
            )
        """) }} as tax_amount
    from order_lines
    inner join billed_lines
        on order_lines.line_key = billed_lines.line_key
        and billed_lines.row_count > 0
    where order_lines.tax_amount <> 0
    group by order_lines.recon_key
),

line_expectations as (
    select
        priced_events.event_key as anchor_key,
        priced_events.recon_key,
        priced_events.line_key,
        cast(priced_events.period_start_on as {{ dbt.type_string() }}) as period_code,
        case when priced_events.tolerated_amount is not null then 'TOLERANCE' end as explained_class,
        priced_events.expected_amount,
        priced_events.expected_quantity,
        greatest(priced_events.ceiling_amount, priced_events.expected_amount) as ceiling_amount,
        priced_events.tolerated_amount as explained_amount,
        cast(
            case
                when priced_events.is_finer_than_minor_unit then 2
                when priced_events.expected_amount in (0, priced_events.line_net_amount) then 1
                else 2
            end as bigint
        ) as rounding_count,
        priced_events.due_at
    from priced_events
    inner join billed_orders
        on priced_events.recon_key = billed_orders.recon_key
        and billed_orders.mode_code = 'LINES'
    where priced_events.expected_amount <> 0
        or (priced_events.billed_row_count > 0 and coalesce(priced_events.ceiling_amount, 0) <> 0)
),

-- Tax of what was billed, and the charges: in full once all lines are billed, before that as far as they were.
bounded_rests as (
    select
        billed_orders.*,
        events_summed_to_orders.first_due_at,
        least(billed_orders.placed_amount, {{ wide('billed_orders.lines_net_amount') }} * 100) as bounded_amount,
        case
            when billed_orders.placed_amount = billed_orders.lines_net_amount
                or billed_orders.lines_net_amount <= 0
            then billed_orders.order_tax_amount
            when billed_orders.is_tax_included then {{ money('0') }}
            when billed_orders.lines_tax_amount <> 0 then coalesce(taxes_summed_to_orders.tax_amount, 0)
            when billed_orders.placed_amount <= 0 then {{ money('0') }}
            else {{ shared_amount(
                'greatest(billed_orders.order_tax_amount, 0)',
                'billed_orders.placed_amount',
                'billed_orders.lines_net_amount'
            ) }}
        end as due_tax_amount
    from billed_orders
    left join events_summed_to_orders
        on billed_orders.recon_key = events_summed_to_orders.recon_key
    left join taxes_summed_to_orders
        on billed_orders.recon_key = taxes_summed_to_orders.recon_key
    where billed_orders.mode_code = 'LINES'
        and (billed_orders.order_tax_amount <> 0 or billed_orders.charge_amount <> 0)
),

rests as (
    select
        *,
        {{ rate_of('bounded_amount', 'lines_net_amount') }} as placed_rate
    from bounded_rests
),

rest_expectations as (
    select
        rests.recon_key || '|rest' as anchor_key,
        rests.recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        cast(null as {{ dbt.type_string() }}) as period_code,
        cast(null as {{ dbt.type_string() }}) as explained_class,
        case
            when rests.billed_count >= rests.billable_count and rests.placed_amount >= rests.lines_net_amount
            then {{ money('rests.due_tax_amount + rests.charge_amount') }}
            when abs(rests.rest_amount - rests.due_tax_amount - rests.charge_amount)
                < abs(rests.rest_amount - rests.due_tax_amount)
            then {{ money('rests.due_tax_amount + rests.charge_amount') }}
            else rests.due_tax_amount
        end as expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        -- A tax that is read off the order's carries the rounding of that one too, as often as it goes into it.
        case
            when rests.is_tax_included then 0
            when rests.placed_amount > 0
                and rests.lines_net_amount > 0
                and rests.placed_amount <> rests.lines_net_amount
            then greatest(orders.rounding_count, 2)
                * (1 + cast(ceil(rests.placed_rate) as bigint))
            else greatest(orders.rounding_count, 2)
        end as rounding_count,
        rests.first_due_at as due_at
    from rests
    inner join orders
        on rests.recon_key = orders.recon_key
),

totals as (
    select
        billed_orders.*,
        orders.rounding_count as order_rounding_count,
        orders.line_count,
        events_summed_to_orders.due_at,
        events_summed_to_orders.first_due_at,
        case
            when orders.status_code in ('cancelled', 'deleted', 'draft') then {{ money('0') }}
            when events_summed_to_orders.recon_key is null then {{ money('0') }}
            when events_summed_to_orders.expected_amount = billed_orders.lines_net_amount then
                billed_orders.gross_amount
            when events_summed_to_orders.expected_amount <= 0 then {{ money('0') }}
            when billed_orders.lines_net_amount <= 0 then {{ money('0') }}
            else {{ money(
                'events_summed_to_orders.expected_amount + billed_orders.charge_amount + '
                ~ shared_amount(
                    'greatest(billed_orders.order_tax_amount, 0)',
                    'events_summed_to_orders.expected_amount',
                    'billed_orders.lines_net_amount'
                )
            ) }}
        end as expected_amount,
        case
            when orders.status_code in ('cancelled', 'deleted', 'draft') then null
            when events_summed_to_orders.ceiling_amount = billed_orders.lines_net_amount then billed_orders.gross_amount
        end as ceiling_amount,
        orders.status_code in ('cancelled', 'deleted', 'draft') as is_void
    from billed_orders
    inner join orders
        on billed_orders.recon_key = orders.recon_key
    left join events_summed_to_orders
        on billed_orders.recon_key = events_summed_to_orders.recon_key
    where billed_orders.mode_code = 'TOTAL'
),

total_expectations as (
    select
        totals.recon_key || '|total' as anchor_key,
        totals.recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        cast(null as {{ dbt.type_string() }}) as period_code,
        case when totals.document_count > 0 then 'TOLERANCE' end as explained_class,
        totals.expected_amount,
        {{ quantity('0') }} as expected_quantity,
        greatest(totals.ceiling_amount, totals.expected_amount) as ceiling_amount,
        case
            when totals.document_count > 0
                and totals.line_count = 1
                and not totals.is_tax_included
                and totals.credited_amount = 0
                and totals.expected_amount = totals.lines_net_amount
                and abs(totals.total_amount - totals.expected_amount) <= billing_rules.amount
                and abs(totals.total_amount - totals.expected_amount) <= {{ wide('totals.expected_amount') }} * billing_rules.rate
            then totals.total_amount
        end as explained_amount,
        case when totals.is_tax_included then 0 else totals.order_rounding_count end as rounding_count,
        coalesce(totals.due_at, totals.first_due_at) as due_at
    from totals
    inner join orders
        on totals.recon_key = orders.recon_key
    left join billing_rules
        on orders.ordered_on >= billing_rules.effective_from
        and orders.ordered_on < coalesce(billing_rules.effective_to, {{ end_of_time() }})
    where totals.expected_amount <> 0
        or (totals.document_count > 0 and not totals.is_void and totals.ceiling_amount <> 0)
),

of_orders as (
    select * from line_expectations
    union all
    select * from rest_expectations
    union all
    select * from total_expectations
),

-- The header of a consolidated invoice has no order: it is held against the sum of its lines.
consolidated as (
    select
        'consolidated|' || source || '|' || {{ row_key_text('_row_key') }} as anchor_key,
        tenant,
        source,
        source_system,
        invoice_id,
        currency_code,
        {{ money('case when is_credit then -abs(net_amount + coalesce(tax_amount, 0)) else net_amount + coalesce(tax_amount, 0) end') }}
            as expected_amount,
        line_count,
        issued_at
    from {{ ref('int_invoice_rows__placed') }}
    where row_kind = 'DOCUMENT'
        and is_split
        and is_live
),

final as (
    select
        ---------- keys
        'invoice' as leg_code,
        of_orders.anchor_key,
        of_orders.recon_key,
        of_orders.line_key,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        of_orders.period_code,
        orders.tenant,
        orders.source,
        orders.source_system,
        orders.order_id as native_id,

        ---------- strings
        orders.currency_code,
        of_orders.explained_class,

        ---------- numerics
        of_orders.expected_amount,
        of_orders.expected_quantity,
        of_orders.ceiling_amount,
        of_orders.explained_amount,
        cast(of_orders.rounding_count as bigint) as rounding_count,

        ---------- dates
        orders.ordered_on as business_on,

        ---------- timestamps
        of_orders.due_at
    from of_orders
    inner join orders
        on of_orders.recon_key = orders.recon_key
    union all
    select
        'invoice' as leg_code,
        anchor_key,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        tenant,
        source,
        source_system,
        invoice_id as native_id,
        currency_code,
        cast(null as {{ dbt.type_string() }}) as explained_class,
        expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        cast(line_count as bigint) as rounding_count,
        cast(issued_at as date) as business_on,
        issued_at as due_at
    from consolidated
)

select * from final
