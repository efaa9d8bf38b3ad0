-- Grain: one row per group of the invoice leg that disagrees, as far as it is a fact of its own: one group gives one
-- class, the first that holds.
-- Trap: what an order lacks because it was billed to the wrong customer or in the wrong currency is that fact, not a
-- second one; lines whose differences cancel out are one schedule that is wrong.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'invoice'
        and status_code = 'exception'
),

orders as (
    select
        recon_key,
        order_id,
        order_type,
        source_system,
        currency_code,
        customer_id,
        status_code,
        line_count,
        is_tax_included
    from {{ ref('int_orders') }}
),

billed_orders as (
    select * from {{ ref('int_billed_orders') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

billed_lines as (
    select * from {{ ref('int_billed_lines') }}
),

events as (
    select * from {{ ref('int_billable_events') }}
),

order_lines as (
    select * from {{ ref('int_order_lines__billable') }}
),

returned_orders as (
    -- distinct: several lines of an order may have come back
    select distinct order_lines.recon_key
    from {{ ref('int_shipped_lines') }} as shipped_lines
    inner join order_lines
        on shipped_lines.line_key = order_lines.line_key
    where shipped_lines.returned_quantity > 0
),

returned_lines as (
    select line_key from {{ ref('int_shipped_lines') }}
    where returned_quantity > 0
),

kinds as (
    select
        match_groups.*,
        orders.order_id,
        orders.order_type,
        coalesce(orders.source_system, match_groups.order_source) as source_system,
        orders.currency_code as order_currency_code,
        orders.customer_id,
        orders.status_code as order_state,
        orders.line_count,
        coalesce(orders.is_tax_included, false) as is_tax_included,
        {{ money('2 * (' ~ half_minor_unit('currencies.exponent') ~ ')') }} as minor_unit_amount,
        case
            when match_groups.recon_key is null then 'CONSOLIDATED'
            when match_groups.anchor_key = match_groups.recon_key || '|duplicate' then 'DUPLICATE'
            when match_groups.anchor_key = match_groups.recon_key || '|party' then 'PARTY'
            when match_groups.currency_code <> orders.currency_code then 'FOREIGN'
            when match_groups.anchor_key = match_groups.recon_key || '|total' then 'TOTAL'
            when match_groups.anchor_key = match_groups.recon_key || '|rest' then 'REST'
            else 'LINE'
        end as kind_code
    from match_groups
    left join orders
        on match_groups.recon_key = orders.recon_key
    left join currencies
        on match_groups.currency_code = currencies.currency_code
),

orders_billed_elsewhere as (
    -- distinct: an order may have several such groups
    select distinct recon_key from kinds
    where kind_code in ('PARTY', 'FOREIGN')
),

-- Lines of one order that are off and whose differences cancel out: the total is right, its parts are not.
shifted as (
    select
        recon_key,
        min(match_id) as first_match_id,
        count(*) as group_count,
        {{ money('sum(case when variance_amount > 0 then variance_amount else 0 end)') }} as moved_amount
    from kinds
    where kind_code = 'LINE'
        and expectation_count > 0
        and evidence_count > 0
    group by recon_key
    having count(*) > 1
        and sum(variance_amount) = 0
),

repeated_documents as (
    select
        recon_key,
        total_amount as repeated_amount
    from {{ ref('int_invoice_rows__placed') }}
    where row_kind = 'DOCUMENT'
        and is_live
        and not is_credit
        and total_amount > 0
        and recon_key is not null
    group by recon_key, total_amount
    having count(*) > 1
),

charges as (
    select
        placed.recon_key,
        placed.net_amount as charge_amount
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join kinds
        on placed.recon_key = kinds.recon_key
        and kinds.kind_code = 'REST'
    where placed.row_kind = 'LINE'
        and placed.is_live
        and placed.line_key is null
        and placed.net_amount > 0
    union all
    -- A charge may stand in the total of an invoice alone.
    select
        placed.recon_key,
        {{ money('placed.total_amount - placed.net_amount - coalesce(placed.tax_amount, 0)') }} as charge_amount
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join kinds
        on placed.recon_key = kinds.recon_key
        and kinds.kind_code = 'REST'
    where placed.row_kind = 'DOCUMENT'
        and placed.is_live
        and not placed.is_credit
        and placed.line_count > 0
        and placed.total_amount > placed.net_amount + coalesce(placed.tax_amount, 0)
),

repeated_charges as (
    select
        recon_key,
        charge_amount as repeated_amount
    from charges
    group by recon_key, charge_amount
    having count(*) > 1
),

-- A change that was billed as if it were all there is now.
billed_as_new as (
    select
        kinds.match_id,
        max(contributed.level_after_quantity) as level_quantity,
        max(contributed.changed_quantity) as changed_quantity
    from kinds
    left join events
        on kinds.anchor_key = events.event_key
    inner join {{ ref('int_order_lines__contributed') }} as contributed
        on kinds.recon_key = contributed.recon_key
        and (kinds.kind_code = 'TOTAL' or events.line_key = contributed.line_key)
    where contributed.is_amendment
        and contributed.level_before_quantity > 0
        and kinds.variance_amount = {{ rounded_to(
            'cast(contributed.level_before_quantity * contributed.unit_rate * contributed.price_factor as decimal(38, 12))',
            'contributed.exponent'
        ) }}
    group by kinds.match_id
),

line_groups as (
    select
        kinds.match_id,
        events.line_key,
        events.expected_quantity as due_quantity,
        order_lines.canonical_line_no,
        order_lines.sku,
        order_lines.quantity as ordered_quantity,
        order_lines.net_amount as ordered_amount,
        order_lines.tax_amount as ordered_tax_amount,
        order_lines.discount_amount,
        order_lines.exponent,
        cast(order_lines.unit_rate * order_lines.price_factor as decimal(28, 12)) as unit_rate,
        order_lines.service_start_on,
        returned_lines.line_key is not null as is_returned,
        case when events.event_key = events.line_key then billed_lines.billed_quantity - billed_lines.credited_quantity
        end as billed_quantity,
        case when events.event_key = events.line_key then billed_lines.list_amount end as list_amount,
        billed_lines.billed_quantity as invoiced_quantity,
        billed_lines.credited_amount,
        billed_lines.net_amount as billed_net_amount,
        coalesce(billed_lines.provisional_count, 0) as provisional_count
    from kinds
    inner join events
        on kinds.anchor_key = events.event_key
    inner join order_lines
        on events.line_key = order_lines.line_key
    left join billed_lines
        on events.line_key = billed_lines.line_key
    left join returned_lines
        on events.line_key = returned_lines.line_key
    where kinds.kind_code = 'LINE'
),

-- Groups of whole orders: their lines as far as they are known, or the only line.
lines_of_totals as (
    select
        kinds.match_id,
        count(*) as line_count,
        min(order_lines.unit_rate * order_lines.price_factor) as unit_rate,
        {{ money('sum(order_lines.discount_amount)') }} as discount_amount,
        cast(sum(case when billed_lines.list_amount is null then 1 else 0 end) as bigint) as unknown_count,
        cast(sum(
            (coalesce(billed_lines.billed_quantity, 0) - coalesce(billed_lines.credited_quantity, 0)
            - coalesce(events.expected_quantity, 0)) * order_lines.unit_rate * order_lines.price_factor
        ) as decimal(38, 6)) as quantity_effect,
        cast(sum(
            coalesce(billed_lines.list_amount, 0)
            - coalesce(billed_lines.billed_quantity, 0) * order_lines.unit_rate * order_lines.price_factor
        ) as decimal(38, 6)) as price_effect
    from kinds
    inner join order_lines
        on kinds.recon_key = order_lines.recon_key
    left join events
        on order_lines.line_key = events.event_key
    left join billed_lines
        on order_lines.line_key = billed_lines.line_key
    where kinds.kind_code = 'TOTAL'
        and order_lines.net_amount <> 0
    group by kinds.match_id
),

day_counts as (
    select * from {{ ref('day_counts') }}
),

-- What one piece cost before any amendment: a part of it is credited when service ends early.
base_rates as (
    select
        line_key,
        max(cast(unit_rate * price_factor as decimal(28, 12))) as unit_rate
    from {{ ref('int_order_lines__contributed') }}
    where not is_amendment
    group by line_key
),

-- The same period counted by another convention of days gives exactly this difference.
counted_otherwise as (
    -- distinct: several pairs of conventions may give the same cent
    select distinct kinds.match_id
    from kinds
    inner join line_groups
        on kinds.match_id = line_groups.match_id
    inner join order_lines
        on line_groups.line_key = order_lines.line_key
    left join {{ ref('int_order_lines__contributed') }} as contributed
        on line_groups.line_key = contributed.line_key
        and contributed.is_amendment
    left join base_rates
        on line_groups.line_key = base_rates.line_key
    cross join day_counts as ordered_count
    cross join day_counts as billed_count
    where ordered_count.year_days <> billed_count.year_days
        and order_lines.service_start_on is not null
        and kinds.evidence_count > 0
        and (
            abs(kinds.matched_amount * billed_count.year_days - kinds.expected_amount * ordered_count.year_days)
            <= billed_count.year_days * {{ half_minor_unit('order_lines.exponent') }}
            or abs(
                abs(kinds.variance_amount) * billed_count.year_days * ordered_count.year_days
                - abs(base_rates.unit_rate * coalesce(contributed.changed_quantity, 0))
                * abs({{ days_between('order_lines.service_start_on', 'contributed.effective_on') }})
                * abs(billed_count.year_days - ordered_count.year_days)
            ) <= billed_count.year_days * ordered_count.year_days * 2 * {{ half_minor_unit('order_lines.exponent') }}
        )
),

effects as (
    select
        kinds.*,
        line_groups.line_key,
        line_groups.canonical_line_no,
        line_groups.sku,
        line_groups.due_quantity,
        line_groups.billed_quantity,
        coalesce(line_groups.unit_rate, lines_of_totals.unit_rate) as unit_rate,
        coalesce(line_groups.discount_amount, lines_of_totals.discount_amount) as discount_amount,
        line_groups.service_start_on,
        coalesce(line_groups.is_returned, returned_orders.recon_key is not null) as is_returned,
        case
            when kinds.kind_code = 'LINE' then coalesce(line_groups.credited_amount, 0)
            else coalesce(billed_orders.credited_amount, 0)
        end as credited_amount,
        case
            when kinds.kind_code = 'LINE' then coalesce(line_groups.provisional_count, 0)
            else coalesce(billed_orders.provisional_count, 0)
        end as provisional_count,
        billed_orders.document_count,
        billed_orders.is_consolidated,
        billed_orders.charge_amount,
        billed_orders.unplaced_amount,
        billed_orders.gross_amount,
        billed_orders.lines_net_amount,
        billed_orders.order_tax_amount,
        billed_orders.document_tax_amount,
        billed_orders.has_document_tax,
        line_groups.billed_net_amount,
        line_groups.ordered_amount,
        line_groups.ordered_tax_amount,
        lines_of_totals.line_count as known_line_count,
        case
            when line_groups.billed_quantity is not null
                then cast((line_groups.billed_quantity - line_groups.due_quantity) * line_groups.unit_rate as decimal(38, 6))
            when lines_of_totals.unknown_count = 0 then lines_of_totals.quantity_effect
        end as quantity_effect,
        case
            when line_groups.list_amount is not null
                then cast(
                    line_groups.list_amount - line_groups.invoiced_quantity * line_groups.unit_rate
                    as decimal(38, 6)
                )
            when lines_of_totals.unknown_count = 0 then lines_of_totals.price_effect
        end as price_effect,
        shifted.group_count as shifted_count,
        shifted.moved_amount,
        shifted.first_match_id,
        repeated_documents.recon_key is not null as is_repeated,
        repeated_charges.recon_key is not null as is_charge_repeated,
        billed_as_new.level_quantity,
        billed_as_new.changed_quantity,
        counted_otherwise.match_id is not null as is_counted_otherwise,
        orders_billed_elsewhere.recon_key is not null as is_billed_elsewhere
    from kinds
    left join line_groups
        on kinds.match_id = line_groups.match_id
    left join lines_of_totals
        on kinds.match_id = lines_of_totals.match_id
    left join billed_orders
        on kinds.recon_key = billed_orders.recon_key
    left join returned_orders
        on kinds.recon_key = returned_orders.recon_key
    left join shifted
        on case
            when kinds.kind_code = 'LINE' and kinds.expectation_count > 0 and kinds.evidence_count > 0
            then kinds.recon_key
        end = shifted.recon_key
    left join repeated_documents
        on case when kinds.kind_code = 'TOTAL' then kinds.recon_key end = repeated_documents.recon_key
        and kinds.variance_amount = repeated_documents.repeated_amount
    left join repeated_charges
        on case when kinds.kind_code = 'REST' then kinds.recon_key end = repeated_charges.recon_key
        and kinds.variance_amount = repeated_charges.repeated_amount
    left join billed_as_new
        on kinds.match_id = billed_as_new.match_id
    left join counted_otherwise
        on kinds.match_id = counted_otherwise.match_id
    left join orders_billed_elsewhere
        on kinds.recon_key = orders_billed_elsewhere.recon_key
),

-- How much of a difference is quantity, price, discount: where invoices do not say, a difference of whole pieces of
-- the article is one of quantity.
components as (
    select
        *,
        cast(variance_amount - coalesce(quantity_effect, 0) - coalesce(price_effect, 0) as decimal(38, 6)) as other_effect,
        case
            when variance_amount = 0 or unit_rate is null or abs(unit_rate) < minor_unit_amount then false
            when matched_amount = 0 then false
            when coalesce(known_line_count, 1) > 1 then false
            else cast(variance_amount as decimal(38, 12)) % cast(unit_rate as decimal(38, 12)) = 0
        end as is_whole_pieces
    from effects
),

classified as (
    select
        *,
        case
            when kind_code = 'CONSOLIDATED' then 'MKT_CONSOLIDATION'
            when is_cancelled and coalesce(is_consolidated, false) then 'MKT_CONSOLIDATION'
            when is_cancelled then 'CAN_STILL_BILLED'
            when level_quantity is not null then 'AMD_DELTA_AS_ABSOLUTE'
            when kind_code = 'DUPLICATE' or is_repeated or is_charge_repeated then 'BIL_DUPLICATE'
            when kind_code = 'FOREIGN' then 'BIL_CURRENCY'
            when kind_code = 'PARTY' then 'BIL_PARTY'
            when shifted_count is not null then 'BIL_SCHEDULE'
            when evidence_count = 0 and variance_amount < 0 and provisional_count > 0 then 'BIL_PROVISIONAL_STALE'
            when evidence_count = 0 and variance_amount < 0 and order_type = 'renewal' and document_count = 0
                then 'REN_NOT_BILLED'
            when evidence_count = 0 and variance_amount < 0 then 'BIL_MISSING'
            when variance_amount > 0 and is_returned and kind_code <> 'REST' then 'FUL_RETURN_NO_CREDIT'
            when is_counted_otherwise then 'BIL_PRORATION_BASIS'
            when variance_amount < 0 and credited_amount >= -variance_amount then 'CREDIT_NO_RETURN'
            when is_tax_included
                and (
                    abs(variance_amount) <= greatest(coalesce(line_count, 1), 1) * 2 * minor_unit_amount
                    or (kind_code = 'LINE' and billed_net_amount >= ordered_amount and coalesce(quantity_effect, 0) = 0
                        and ordered_tax_amount <> 0)
                )
                then 'TAX_INCLUSIVE_FOOTING'
            when kind_code = 'REST'
                then case
                    when abs(unplaced_amount - charge_amount - variance_amount) > rounding_bound_amount
                        or unplaced_amount = charge_amount
                        then 'TAX_AMOUNT'
                    when charge_amount < 0 and variance_amount > 0 then 'BIL_DISCOUNT'
                    when unplaced_amount = 0 and variance_amount < 0 then 'BIL_MISSING'
                    else 'BIL_PRICE'
                end
            when kind_code = 'TOTAL' and has_document_tax and not is_tax_included
                and abs(document_tax_amount - order_tax_amount - variance_amount) <= rounding_bound_amount
                and document_tax_amount <> order_tax_amount
                then 'TAX_AMOUNT'
            when expectation_count = 0 then 'BIL_QTY'
            when quantity_effect is not null and price_effect is not null
                then case
                    when abs(quantity_effect) >= abs(price_effect) and abs(quantity_effect) >= abs(other_effect)
                        then 'BIL_QTY'
                    when abs(price_effect) >= abs(other_effect) then 'BIL_PRICE'
                    when discount_amount <> 0 or abs(other_effect) > 0 then 'BIL_DISCOUNT'
                    else 'BIL_PRICE'
                end
            when quantity_effect is not null
                then case when abs(quantity_effect) >= abs(other_effect) then 'BIL_QTY' else 'BIL_PRICE' end
            when kind_code = 'TOTAL' and variance_amount > 0 and matched_amount = gross_amount then 'BIL_QTY'
            when discount_amount <> 0 and variance_amount = discount_amount then 'BIL_DISCOUNT'
            when is_whole_pieces then 'BIL_QTY'
            else 'BIL_PRICE'
        end as billing_code
    from components
    where not (is_billed_elsewhere and kind_code in ('TOTAL', 'LINE', 'REST') and variance_amount < 0)
        and (shifted_count is null or match_id = first_match_id)
),

renamed as (
    select
        *,
        case
            when order_type = 'renewal' and billing_code = 'BIL_PRICE' then 'REN_PRICE_MISMATCH'
            else billing_code
        end as exception_code
    from classified
),

with_leaks as (
    select
        *,
        case
            when exception_code = 'BIL_SCHEDULE' then moved_amount
            when exception_code in ('BIL_CURRENCY', 'BIL_PARTY', 'CAN_STILL_BILLED') then {{ money('abs(matched_amount)') }}
            else {{ money('abs(variance_amount)') }}
        end as leak_amount,
        case
            when kind_code = 'CONSOLIDATED' then 'Consolidated invoice'
            when kind_code = 'LINE' and sku is not null then 'Line ' || canonical_line_no || ' (' || sku || ')'
            when kind_code = 'REST' then 'Tax and charges of order ' || order_id
            else 'Order ' || order_id
        end as subject
    from renamed
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        coalesce(line_key, '') as line_key,
        anchor_key || ' ' || currency_code as fact_key,
        coalesce(order_id, anchor_key) as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'MKT_CONSOLIDATION' then
                case
                    when kind_code = 'CONSOLIDATED'
                    then 'The consolidated invoice states ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                        || ', its lines come to ' || {{ amount_text('expected_amount') }} || '.'
                    else subject || ' is cancelled, but a consolidated invoice still asks '
                        || {{ amount_text('matched_amount') }} || ' ' || currency_code || ' for it.'
                end
            when 'CAN_STILL_BILLED' then
                subject || ' is cancelled, but ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ' is still invoiced for it.'
            when 'AMD_DELTA_AS_ABSOLUTE' then
                subject || ': a change of ' || {{ quantity_text('changed_quantity') }} || ' was billed as '
                || {{ quantity_text('level_quantity') }} || ', the new total: ' || {{ amount_text('variance_amount') }} || ' '
                || currency_code || ' too much.'
            when 'BIL_DUPLICATE' then
                subject || ': ' || {{ amount_text('variance_amount') }} || ' ' || currency_code || ' is invoiced twice.'
            when 'BIL_CURRENCY' then
                subject || ' is billed ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ', but was ordered in ' || order_currency_code || '.'
            when 'BIL_PARTY' then
                subject || ' is billed ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ' to another customer than ' || coalesce(customer_id, 'the one who ordered') || '.'
            when 'BIL_SCHEDULE' then
                'Order ' || order_id || ': ' || {{ amount_text('moved_amount') }} || ' ' || currency_code
                || ' is billed in other periods or lines than agreed; the total is right.'
            when 'BIL_PROVISIONAL_STALE' then
                subject || ': everything left, but of ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                || ' there are only provisional invoices.'
            when 'REN_NOT_BILLED' then
                'The renewal ' || order_id || ' of ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                || ' is neither planned nor invoiced, due on ' || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            when 'BIL_MISSING' then
                subject || ': nothing is invoiced of ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                || ', due on ' || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            when 'FUL_RETURN_NO_CREDIT' then
                subject || ': goods came back, but ' || {{ amount_text('variance_amount') }} || ' ' || currency_code
                || ' was not credited.'
            when 'CREDIT_NO_RETURN' then
                subject || ': ' || {{ amount_text('-variance_amount') }} || ' ' || currency_code
                || ' was credited, and no return, shortage or cancellation explains it.'
            when 'BIL_PRORATION_BASIS' then
                subject || ': ' || {{ amount_text('abs(variance_amount)') }} || ' ' || currency_code
                || ' comes from another convention of counting days.'
            when 'TAX_INCLUSIVE_FOOTING' then
                subject || ': net and tax come to ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ', the price that includes tax is ' || {{ amount_text('expected_amount') }} || '.'
            when 'TAX_AMOUNT' then
                subject || ': ' || {{ amount_text('matched_amount') }} || ' ' || currency_code || ' is billed, '
                || {{ amount_text('expected_amount') }} || ' follows from the order; the difference of '
                || {{ amount_text('variance_amount') }} || ' is one of tax.'
            else
                subject || ': invoiced ' || {{ amount_text('matched_amount') }} || ' ' || currency_code || ', billable '
                || {{ amount_text('expected_amount') }}
                || case exception_code
                    when 'BIL_QTY' then coalesce(
                            ' (' || {{ quantity_text('billed_quantity') }} || ' instead of ' || {{ quantity_text('due_quantity') }} || ')',
                            ' (another quantity)'
                        )
                    when 'BIL_DISCOUNT' then ' (another discount)'
                    else ' (another price)'
                end || '.'
        end as explanation,
        case
            when exception_code in (
                'BIL_QTY', 'BIL_PRICE', 'BIL_DISCOUNT', 'BIL_PRORATION_BASIS', 'TAX_AMOUNT', 'TAX_INCLUSIVE_FOOTING',
                'REN_PRICE_MISMATCH', 'MKT_CONSOLIDATION'
            )
            then case when variance_amount > 0 then 'owed' else 'loss' end
        end as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case
            when exception_code in ('BIL_MISSING', 'REN_NOT_BILLED', 'BIL_PROVISIONAL_STALE')
            then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at)
        end as opened_at
    from with_leaks
)

select * from final
