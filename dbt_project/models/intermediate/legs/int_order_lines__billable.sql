-- Grain: one row per order line: what it comes to over all documents of its order, in whole minor units.
-- Trap: an amended line is priced document by document, so net_amount is not quantity x unit_rate there. Lines of
-- cancelled, draft and test orders are here too; a cancelled line comes to nothing. An order that came without
-- lines has one line of its own, number *.

with order_lines as (
    select * from {{ ref('int_order_lines__current') }}
),

orders as (
    select * from {{ ref('int_orders') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

products_of_tenant as (
    select
        tenant,
        sku,
        max(fulfilment_code) as fulfilment_code,
        max(case when product_family = 'gift_card' or tax_class = 'gift_card' then 1 else 0 end) as is_gift_card
    from {{ ref('int_products__latest') }}
    group by tenant, sku
),

contributed as (
    select * from {{ ref('int_order_lines__contributed') }}
),

amended_lines as (
    select
        line_key,
        {{ quantity('sum(changed_quantity)') }} as quantity,
        {{ money('sum(discount_amount)') }} as discount_amount,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ money('sum(tax_amount)') }} as tax_amount,
        min(service_start_on) as service_start_on,
        max(service_end_on) as service_end_on,
        max(price_factor) as price_factor
    from contributed
    group by line_key
),

amended_orders as (
    -- distinct: an amended order has several lines
    select distinct recon_key from contributed
),

-- A price a month shows in the footing: the order's total is so many times its lines.
orders_summed as (
    select
        order_lines.recon_key,
        {{ money('sum(order_lines.net_amount)') }} as lines_amount,
        {{ money('sum(order_lines.tax_amount)') }} as line_tax_amount,
        max({{ service_months('order_lines.service_start_on', 'order_lines.service_end_on') }}) as most_months,
        min({{ service_months('order_lines.service_start_on', 'order_lines.service_end_on') }}) as least_months
    from order_lines
    where order_lines.service_end_on is not null
    group by order_lines.recon_key
),

monthly_orders as (
    select
        orders_summed.recon_key,
        cast(orders_summed.most_months as integer) as month_count
    from orders_summed
    inner join orders
        on orders_summed.recon_key = orders.recon_key
    where orders_summed.most_months = orders_summed.least_months
        and orders_summed.most_months > 1
        and orders_summed.lines_amount <> 0
        and orders.total_amount - coalesce(orders.tip_amount, 0) - coalesce(orders.shipping_amount, 0) in (
            {{ money('orders_summed.lines_amount * orders_summed.most_months') }},
            {{ money('orders_summed.lines_amount * orders_summed.most_months + coalesce(orders.tax_amount, 0)') }},
            {{ money('orders_summed.lines_amount * orders_summed.most_months + orders_summed.line_tax_amount') }}
        )
),

priced as (
    select
        order_lines.line_key,
        order_lines.recon_key,
        order_lines.canonical_line_no,
        order_lines.sku,
        order_lines.seller_id,
        order_lines.tenant,
        order_lines.source,
        order_lines.source_system,
        order_lines.order_id,
        orders.customer_id,
        orders.contract_id,
        order_lines.order_type,
        order_lines.currency_code,
        order_lines.status_code,
        products_of_tenant.fulfilment_code,
        order_lines.quantity as level_quantity,
        order_lines.unit_rate,
        case when amended_orders.recon_key is null then monthly_orders.month_count end as month_count,
        amended_lines.price_factor as amended_factor,
        currencies.exponent,
        case
            when order_lines.is_cancelled then {{ quantity('0') }}
            when amended_orders.recon_key is not null then coalesce(amended_lines.quantity, 0)
            else order_lines.quantity
        end as quantity,
        case
            when order_lines.is_cancelled then {{ money('0') }}
            when amended_orders.recon_key is not null then coalesce(amended_lines.discount_amount, 0)
            else order_lines.discount_amount
        end as discount_amount,
        case
            when order_lines.is_cancelled then {{ money('0') }}
            when amended_orders.recon_key is not null then coalesce(amended_lines.net_amount, 0)
            when monthly_orders.recon_key is null
                and order_lines.net_amount = {{ rounded_to('order_lines.net_amount', 'currencies.exponent') }}
                and order_lines.list_amount = {{ exact_product('order_lines.quantity', 'order_lines.unit_rate') }}
            then order_lines.net_amount
            else {{ rounded_to(
                'cast(order_lines.quantity * order_lines.unit_rate * coalesce(monthly_orders.month_count, 1)'
                ~ ' - order_lines.discount_amount as decimal(38, 12))',
                'currencies.exponent'
            ) }}
        end as net_amount,
        case
            when order_lines.is_cancelled then {{ money('0') }}
            when amended_orders.recon_key is not null then coalesce(amended_lines.tax_amount, 0)
            else order_lines.tax_amount
        end as tax_amount,
        orders.is_tax_included,
        order_lines.is_test,
        order_lines.is_cancelled,
        amended_orders.recon_key is not null as is_amended,
        coalesce(products_of_tenant.is_gift_card = 1, false)
        or coalesce(order_lines.tax_class = 'gift_card', false) as is_gift_card,
        coalesce(amended_lines.service_start_on, order_lines.service_start_on) as service_start_on,
        coalesce(amended_lines.service_end_on, order_lines.service_end_on) as service_end_on,
        order_lines.ordered_on,
        order_lines.ordered_at
    from order_lines
    inner join orders
        on order_lines.recon_key = orders.recon_key
    left join currencies
        on order_lines.currency_code = currencies.currency_code
    left join products_of_tenant
        on order_lines.tenant = products_of_tenant.tenant
        and order_lines.sku = products_of_tenant.sku
    left join amended_orders
        on order_lines.recon_key = amended_orders.recon_key
    left join amended_lines
        on order_lines.line_key = amended_lines.line_key
    left join monthly_orders
        on order_lines.recon_key = monthly_orders.recon_key
),

-- An order that came without lines is one line of what it asks for.
orders_without_lines as (
    select
        orders.recon_key || '-*' as line_key,
        orders.recon_key,
        '*' as canonical_line_no,
        '' as sku,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        orders.tenant,
        orders.source,
        orders.source_system,
        orders.order_id,
        orders.customer_id,
        orders.contract_id,
        orders.order_type,
        orders.currency_code,
        orders.status_code,
        cast(null as {{ dbt.type_string() }}) as fulfilment_code,
        {{ quantity('1') }} as level_quantity,
        cast(orders.total_amount as decimal(28, 12)) as unit_rate,
        cast(null as integer) as month_count,
        cast(null as integer) as amended_factor,
        currencies.exponent,
        {{ quantity('1') }} as quantity,
        {{ money('0') }} as discount_amount,
        {{ money("""
            orders.due_amount - coalesce(orders.tip_amount, 0) - coalesce(orders.shipping_amount, 0)
            - case when orders.is_tax_included then 0 else coalesce(orders.tax_amount, 0) end
        """) }} as net_amount,
        coalesce(orders.tax_amount, {{ money('0') }}) as tax_amount,
        orders.is_tax_included,
        orders.is_test,
        false as is_cancelled,
        false as is_amended,
        false as is_gift_card,
        cast(null as date) as service_start_on,
        cast(null as date) as service_end_on,
        orders.ordered_on,
        orders.ordered_at
    from orders
    left join currencies
        on orders.currency_code = currencies.currency_code
    where orders.line_count = 0
        and orders.has_total
        and orders.is_due_for_payment
),

all_lines as (
    select * from priced
    union all
    select * from orders_without_lines
),

final as (
    select
        ---------- keys
        line_key,
        recon_key,
        canonical_line_no,
        sku,
        seller_id,
        tenant,
        source,
        source_system,
        order_id,
        customer_id,
        contract_id,

        ---------- strings
        order_type,
        currency_code,
        status_code,
        fulfilment_code,

        ---------- numerics
        {{ quantity('quantity') }} as quantity,
        {{ quantity('level_quantity') }} as level_quantity,
        unit_rate,
        coalesce(month_count, amended_factor, 1) as price_factor,
        exponent,
        {{ money('discount_amount') }} as discount_amount,
        {{ money('net_amount') }} as net_amount,
        {{ rounded_to('tax_amount', 'exponent') }} as tax_amount,

        ---------- booleans
        is_tax_included,
        is_test,
        is_cancelled,
        is_amended,
        is_gift_card,

        ---------- dates
        ordered_on,
        service_start_on,
        service_end_on,

        ---------- timestamps
        ordered_at
    from all_lines
)

select * from final
