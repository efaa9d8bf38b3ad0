-- Grain: one row per order whose tenant is invoiced, in the order's currency: how its invoices can be compared.
-- Trap: an order without invoices is here too, with document_count 0. mode_code decides for both sides of the leg:
-- LINES compares line by line and the rest of the documents (tax, charges, discounts) as one, TOTAL compares only what
-- the order comes to.

with orders as (
    select orders.*
    from {{ ref('int_orders') }} as orders
    inner join {{ ref('int_legs_in_use') }} as legs_in_use
        on orders.tenant = legs_in_use.tenant
        and legs_in_use.leg_code = 'invoice'
    where not orders.is_test
),

lines_summed_to_orders as (
    select
        recon_key,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ money('sum(tax_amount)') }} as tax_amount,
        cast(sum(case when net_amount = 0 then 0 else 1 end) as bigint) as billable_count
    from {{ ref('int_order_lines__billable') }}
    group by recon_key
),

rows_summed_to_orders as (
    select
        placed.recon_key,
        cast(sum(case when placed.row_kind = 'DOCUMENT' and placed.is_live then 1 else 0 end) as bigint)
            as document_count,
        cast(
            sum(case when placed.row_kind = 'DOCUMENT' and placed.is_live and placed.line_count = 0 then 1 else 0 end)
            as bigint
        ) as lineless_count,
        cast(sum(case when placed.is_split and placed.is_live then 1 else 0 end) as bigint) as split_count,
        cast(
            sum(case when placed.row_kind = 'LINE' and placed.is_live and placed.line_key is not null then 1 else 0 end)
            as bigint
        ) as placed_count,
        cast(
            sum(
                case
                    when placed.row_kind = 'LINE' and placed.is_live and placed.line_key is not null
                        and placed.tax_amount is null and placed.net_amount <> 0
                    then 1
                    else 0
                end
            ) as bigint
        ) as untaxed_count,
        cast(
            sum(
                case
                    when placed.row_kind = 'LINE' and placed.is_live and placed.line_key is null
                        and placed.net_amount < 0 and not placed.is_credit
                    then 1
                    else 0
                end
            ) as bigint
        ) as allowance_count,
        cast(sum(case when placed.set_aside_reason = 'PROVISIONAL' then 1 else 0 end) as bigint) as provisional_count,
        {{ money("""
            sum(
                case
                    when placed.row_kind = 'LINE' and placed.is_live and placed.line_key is not null
                    then placed.net_amount
                    else 0
                end
            )
        """) }} as placed_amount,
        {{ money("""
            sum(
                case
                    when placed.row_kind = 'LINE' and placed.is_live and placed.line_key is null
                    then placed.net_amount
                    else 0
                end
            )
        """) }} as unplaced_amount,
        {{ money("""
            sum(
                case
                    when placed.row_kind = 'LINE' and placed.is_live and placed.line_key is not null
                    then coalesce(placed.tax_amount, 0)
                    else 0
                end
            )
        """) }} as placed_tax_amount,
        {{ money("""
            sum(
                case
                    when not placed.is_live then 0
                    when placed.row_kind = 'DOCUMENT' and not placed.is_split then placed.total_amount
                    when placed.row_kind = 'LINE' and placed.is_split
                    then placed.net_amount + coalesce(placed.tax_amount, 0)
                    else 0
                end
            )
        """) }} as total_amount,
        {{ money("""
            sum(
                case
                    when not placed.is_live or not placed.is_credit then 0
                    when placed.row_kind = 'DOCUMENT' and not placed.is_split then -placed.total_amount
                    when placed.row_kind = 'LINE' and placed.is_split
                    then -placed.net_amount - coalesce(placed.tax_amount, 0)
                    else 0
                end
            )
        """) }} as credited_amount,
        {{ money("""
            sum(
                case when placed.row_kind = 'DOCUMENT' and placed.is_live then coalesce(placed.tax_amount, 0) else 0 end
            )
        """) }} as document_tax_amount,
        cast(
            sum(
                case
                    when placed.row_kind = 'DOCUMENT' and placed.is_live and placed.tax_amount is null then 1
                    else 0
                end
            ) as bigint
        ) as untaxed_document_count,
        max(placed.known_at) as last_known_at
    from {{ ref('int_invoice_rows__placed') }} as placed
    left join {{ ref('int_invoice_rows__apart') }} as apart
        on placed.source = apart.source
        and placed.stream = apart.stream
        and placed._row_key = apart._row_key
    where placed.recon_key is not null
        and apart._row_key is null
        and (placed.is_live or placed.set_aside_reason = 'PROVISIONAL')
    group by placed.recon_key
),

billed_lines_counted as (
    select
        recon_key,
        cast(sum(case when row_count > 0 then 1 else 0 end) as bigint) as billed_count
    from {{ ref('int_billed_lines') }}
    group by recon_key
),

with_orders as (
    select
        orders.recon_key,
        coalesce(rows_summed_to_orders.document_count, 0) as document_count,
        coalesce(rows_summed_to_orders.lineless_count, 0) as lineless_count,
        coalesce(rows_summed_to_orders.split_count, 0) as split_count,
        coalesce(rows_summed_to_orders.placed_count, 0) as placed_count,
        coalesce(rows_summed_to_orders.untaxed_count, 0) as untaxed_count,
        coalesce(rows_summed_to_orders.allowance_count, 0) as allowance_count,
        coalesce(rows_summed_to_orders.provisional_count, 0) as provisional_count,
        coalesce(rows_summed_to_orders.untaxed_document_count, 0) as untaxed_document_count,
        coalesce(rows_summed_to_orders.placed_amount, {{ money('0') }}) as placed_amount,
        coalesce(rows_summed_to_orders.unplaced_amount, {{ money('0') }}) as unplaced_amount,
        coalesce(rows_summed_to_orders.placed_tax_amount, {{ money('0') }}) as placed_tax_amount,
        coalesce(rows_summed_to_orders.total_amount, {{ money('0') }}) as total_amount,
        coalesce(rows_summed_to_orders.credited_amount, {{ money('0') }}) as credited_amount,
        coalesce(rows_summed_to_orders.document_tax_amount, {{ money('0') }}) as document_tax_amount,
        rows_summed_to_orders.last_known_at,
        orders.status_code,
        orders.is_tax_included,
        coalesce(billed_lines_counted.billed_count, 0) as billed_count,
        coalesce(lines_summed_to_orders.billable_count, 0) as billable_count,
        coalesce(lines_summed_to_orders.net_amount, {{ money('0') }}) as lines_net_amount,
        coalesce(lines_summed_to_orders.tax_amount, {{ money('0') }}) as lines_tax_amount,
        {{ money('coalesce(orders.due_amount, 0) - coalesce(orders.tip_amount, 0)') }} as header_gross_amount,
        coalesce(orders.shipping_amount, {{ money('0') }}) as shipping_amount,
        coalesce(orders.discount_amount, {{ money('0') }}) as discount_amount,
        orders.tax_amount as header_tax_amount
    from orders
    left join rows_summed_to_orders
        on orders.recon_key = rows_summed_to_orders.recon_key
    left join billed_lines_counted
        on orders.recon_key = billed_lines_counted.recon_key
    left join lines_summed_to_orders
        on orders.recon_key = lines_summed_to_orders.recon_key
),

-- What the order asks for beside its lines: tax and charges, as far as its header tells them apart.
with_gross as (
    select
        *,
        -- A header whose total is without tax, though it states tax, is billed with it.
        case
            when not is_tax_included
                and coalesce(header_tax_amount, 0) + lines_tax_amount <> 0
                and header_gross_amount = {{ money('lines_net_amount + shipping_amount - discount_amount') }}
            then {{ money('header_gross_amount + coalesce(nullif(header_tax_amount, 0), lines_tax_amount)') }}
            else header_gross_amount
        end as gross_amount
    from with_orders
),

with_charges as (
    select
        *,
        case
            when is_tax_included then {{ money('0') }}
            when coalesce(header_tax_amount, 0) <> 0 then header_tax_amount
            when lines_tax_amount <> 0 then lines_tax_amount
            else greatest(
                    {{ money('gross_amount - lines_net_amount - shipping_amount + discount_amount') }},
                    {{ money('0') }}
                )
        end as order_tax_amount
    from with_gross
),

final as (
    select
        ---------- keys
        recon_key,

        ---------- strings
        case
            when status_code in ('cancelled', 'deleted', 'draft') then 'TOTAL'
            when placed_count = 0 or lineless_count > 0 or split_count > 0 then 'TOTAL'
            when is_tax_included and untaxed_count > 0 then 'TOTAL'
            when {{ money('gross_amount - lines_net_amount - order_tax_amount') }} < 0 and allowance_count = 0
            then 'TOTAL'
            when billed_count < billable_count
                and unplaced_amount <> 0
                and unplaced_amount <> {{ money('gross_amount - lines_net_amount - order_tax_amount') }}
                and unplaced_amount <> shipping_amount
            then 'TOTAL'
            else 'LINES'
        end as mode_code,

        ---------- numerics
        document_count,
        placed_count,
        provisional_count,
        billed_count,
        billable_count,
        gross_amount,
        lines_net_amount,
        lines_tax_amount,
        order_tax_amount,
        {{ money('gross_amount - lines_net_amount - order_tax_amount') }} as charge_amount,
        placed_amount,
        placed_tax_amount,
        unplaced_amount,
        total_amount,
        credited_amount,
        document_tax_amount,
        case
            when is_tax_included then {{ money('total_amount - placed_amount - placed_tax_amount') }}
            else {{ money('total_amount - placed_amount') }}
        end as rest_amount,

        ---------- booleans
        is_tax_included,
        split_count > 0 as is_consolidated,
        untaxed_document_count = 0 as has_document_tax,

        ---------- timestamps
        last_known_at
    from with_charges
)

select * from final
