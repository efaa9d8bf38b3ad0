-- Grain: one row per group of the invoice leg that disagrees, with what its difference is made of: quantity, price and
-- the rest, and what else is known of its order's invoices.
-- Trap: an effect is null where the invoices do not say enough; null is unknown, not nothing. Nothing is classified here.

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

-- Too much by an amount that stands there so often, or by several times it: what was due may be one or more of them.
repeated_groups as (
    -- distinct: an order may have several amounts that are repeated
    select distinct kinds.match_id
    from kinds
    inner join {{ ref('int_repeated_billing') }} as repeated
        on kinds.recon_key = repeated.recon_key
        and kinds.kind_code = repeated.kind_code
        and kinds.variance_amount >= repeated.repeated_amount
        and kinds.variance_amount < repeated.repeat_count * repeated.repeated_amount
        and mod(kinds.variance_amount, repeated.repeated_amount) = 0
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
        and contributed.level_after_quantity > 0
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
            (
                coalesce(billed_lines.billed_quantity, 0) - coalesce(billed_lines.credited_quantity, 0)
                - coalesce(events.expected_quantity, 0)
            ) * order_lines.unit_rate * order_lines.price_factor
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

-- What an amendment changes in periods that were billed before it was booked.
backdated as (
    select
        kinds.match_id,
        min(backdated.document_ref) as backdated_ref,
        {{ money('sum(backdated.catch_up_amount)') }} as catch_up_amount
    from kinds
    left join events
        on kinds.anchor_key = events.event_key
    inner join {{ ref('int_backdated_amendments') }} as backdated
        on kinds.recon_key = backdated.recon_key
        and (kinds.kind_code = 'TOTAL' or events.line_key = backdated.line_key)
    where kinds.variance_amount < 0
        and kinds.kind_code in ('TOTAL', 'LINE')
        and kinds.variance_amount in (-backdated.net_amount, -backdated.catch_up_amount)
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
        repeated_groups.match_id is not null as is_repeated,
        billed_as_new.level_quantity,
        billed_as_new.changed_quantity,
        backdated.backdated_ref,
        backdated.catch_up_amount,
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
    left join repeated_groups
        on kinds.match_id = repeated_groups.match_id
    left join billed_as_new
        on kinds.match_id = billed_as_new.match_id
    left join backdated
        on kinds.match_id = backdated.match_id
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
)

select * from components
