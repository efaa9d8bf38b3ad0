-- Grain: one row per tenant and currency whose gift cards were redeemed for more than was sold on them.
-- Trap: only for tenants that sell gift cards here; where cards are sold elsewhere, the roll cannot be known.

with gift_products as (
    -- distinct: two systems may describe one product
    select distinct
        tenant,
        sku
    from {{ ref('int_products__latest') }}
    where product_family = 'gift_card'
        or tax_class = 'gift_card'
),

sold as (
    select
        order_lines.tenant,
        order_lines.currency_code,
        {{ money('sum(order_lines.list_amount)') }} as sold_amount
    from {{ ref('int_order_lines__current') }} as order_lines
    inner join gift_products
        on order_lines.tenant = gift_products.tenant
        and order_lines.sku = gift_products.sku
    where order_lines.is_due_for_payment
        and not order_lines.is_test
    group by order_lines.tenant, order_lines.currency_code
),

moved as (
    select
        tenant,
        currency_code,
        {{ money('sum(actual_amount)') }} as redeemed_amount,
        max(known_at) as last_known_at
    from {{ ref('int_evidence') }}
    where leg_code = 'payment'
        and kind_code = 'gift_card'
        and not is_test
    group by tenant, currency_code
),

final as (
    select
        ---------- keys
        'GIFT_LIABILITY' as exception_code,
        'payment' as leg_code,
        moved.tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        '' as line_key,
        'gift cards ' || moved.currency_code as fact_key,
        'gift cards' as native_ref,
        '' as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        moved.currency_code,
        {{ amount_text('moved.redeemed_amount') }} || ' ' || moved.currency_code
        || ' of gift cards was redeemed, and cards of only ' || {{ amount_text('sold.sold_amount') }}
        || ' were sold.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('moved.redeemed_amount - sold.sold_amount') }} as leak_amount,
        sold.sold_amount as expected_value_amount,
        moved.redeemed_amount as actual_value_amount,

        ---------- timestamps
        moved.last_known_at as opened_at
    from moved
    inner join sold
        on moved.tenant = sold.tenant
        and moved.currency_code = sold.currency_code
    where moved.redeemed_amount > sold.sold_amount
)

select * from final
