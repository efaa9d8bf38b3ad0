-- Grain: one row per order and month of invoices for goods that left in another month, and per order line of which
-- another article left.
-- Trap: months are UTC. A difference of months stays although quantities and amounts agree: it is a fact of the books.

with shipped_lines as (
    select * from {{ ref('int_shipped_lines') }}
    where has_shipped
),

order_lines as (
    select * from {{ ref('int_order_lines__billable') }}
    where not is_test
        and status_code in ('confirmed', 'closed')
),

orders as (
    select
        recon_key,
        tenant,
        order_id,
        source_system,
        currency_code,
        segment
    from {{ ref('int_orders') }}
),

cut_off as (
    select
        order_lines.recon_key,
        cut_off_lines.invoiced_month_on,
        {{ money('sum(' ~ rounded_to('cut_off_lines.cut_off_amount', 'order_lines.exponent') ~ ')') }} as cut_off_amount,
        min(cut_off_lines.first_issued_at) as first_issued_at,
        max(cut_off_lines.last_shipped_at) as last_shipped_at,
        max(cut_off_lines.last_known_at) as last_known_at
    from {{ ref('int_cut_off_lines') }} as cut_off_lines
    inner join order_lines
        on cut_off_lines.line_key = order_lines.line_key
    group by order_lines.recon_key, cut_off_lines.invoiced_month_on
),

substituted as (
    select
        order_lines.*,
        shipped_lines.substituted_sku,
        shipped_lines.substituted_quantity,
        shipped_lines.last_known_at,
        orders.segment
    from shipped_lines
    inner join order_lines
        on shipped_lines.line_key = order_lines.line_key
    inner join orders
        on order_lines.recon_key = orders.recon_key
    where shipped_lines.substituted_quantity > 0
),

billing_rules as (
    select * from {{ ref('billing_rules') }}
    where rule_code = 'SUBSTITUTE_PRICE'
),

-- The price of the article that left: the segment's own price goes before one for all, then the latest.
prices_ranked as (
    select
        substituted.line_key,
        price_book.unit_rate,
        row_number() over (
            partition by substituted.line_key
            order by
                case when price_book.segment = substituted.segment then 0 else 1 end nulls last,
                price_book.valid_from_on desc nulls last,
                price_book.unit_rate asc nulls last
        ) as price_rank
    from substituted
    inner join billing_rules
        on substituted.ordered_on >= billing_rules.effective_from
        and substituted.ordered_on < coalesce(billing_rules.effective_to, {{ end_of_time() }})
    inner join {{ ref('int_price_book__latest') }} as price_book
        on substituted.tenant = price_book.tenant
        and substituted.substituted_sku = price_book.sku
        and substituted.currency_code = price_book.currency_code
        and substituted.ordered_on >= price_book.valid_from_on
        and (price_book.valid_to_on is null or substituted.ordered_on <= price_book.valid_to_on)
    where coalesce(price_book.segment, '') in ('', substituted.segment)
),

found as (
    select
        'FUL_CUTOFF' as exception_code,
        'invoice' as leg_code,
        orders.tenant,
        cut_off.recon_key,
        '' as line_key,
        cast(cut_off.invoiced_month_on as {{ dbt.type_string() }}) as fact_key,
        orders.order_id as native_ref,
        orders.source_system,
        orders.currency_code,
        'Order ' || orders.order_id || ': ' || {{ amount_text('cut_off.cut_off_amount') }} || ' ' || orders.currency_code
        || ' was invoiced on ' || cast(cast(cut_off.first_issued_at as date) as {{ dbt.type_string() }})
        || ' and left on ' || cast(cast(cut_off.last_shipped_at as date) as {{ dbt.type_string() }})
        || ', in another month.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cut_off.cut_off_amount as leak_amount,
        {{ money('0') }} as expected_value_amount,
        cut_off.cut_off_amount as actual_value_amount,
        cut_off.last_known_at as opened_at
    from cut_off
    inner join orders
        on cut_off.recon_key = orders.recon_key
    union all
    select
        'FUL_SUBSTITUTED' as exception_code,
        'fulfilment' as leg_code,
        substituted.tenant,
        substituted.recon_key,
        substituted.line_key,
        substituted.substituted_sku as fact_key,
        substituted.order_id as native_ref,
        substituted.source_system,
        substituted.currency_code,
        'Of line ' || substituted.canonical_line_no || ' ' || {{ quantity_text('substituted.substituted_quantity') }}
        || ' of ' || substituted.substituted_sku || ' left where ' || substituted.sku || ' was ordered.' as explanation,
        case when prices_ranked.unit_rate < substituted.unit_rate then 'owed' end as leak_kind,
        coalesce(
            abs({{ rounded_to(
                'cast((prices_ranked.unit_rate - substituted.unit_rate) * substituted.substituted_quantity as decimal(38, 12))',
                'substituted.exponent'
            ) }}),
            {{ money('0') }}
        ) as leak_amount,
        substituted.net_amount as expected_value_amount,
        substituted.net_amount as actual_value_amount,
        substituted.last_known_at as opened_at
    from substituted
    left join prices_ranked
        on substituted.line_key = prices_ranked.line_key
        and prices_ranked.price_rank = 1
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        line_key,
        fact_key,
        native_ref,
        source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        currency_code,
        explanation,
        leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        expected_value_amount,
        actual_value_amount,

        ---------- timestamps
        opened_at
    from found
)

select * from final
