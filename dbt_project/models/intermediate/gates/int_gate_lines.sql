-- Grain: one row per line of a live document, with what the reference data says about it.
-- Trap: quantities are the document's own: an amendment's line is judged by what it changes, not by the level after it.
-- list_amount and book_amount are null on a line about which there is nothing to say.

{{ config(materialized='view') }}

with documents as (
    select * from {{ ref('int_gate_documents') }}
),

feeds as (
    select * from {{ ref('int_gate_feeds') }}
),

keyed_lines as (
    select * from {{ ref('int_order_lines__keyed') }}
    where recon_key is not null
),

order_lines as (
    select * from keyed_lines
    where is_newest
        and not _is_deleted
        and coalesce(native_status, '') <> 'cancelled'
),

-- A price holds from its first day until its last one or until the next price of its kind begins. The days are
-- columns of the price alone: a condition that mixes both sides of a join is tried on every pair of rows.
prices_of_tenant as (
    select
        tenant,
        sku,
        currency_code,
        coalesce(segment, '') as segment,
        valid_from_on,
        max(coalesce(valid_to_on, cast('9999-12-31' as date))) as last_on,
        max(unit_rate) as unit_rate
    from {{ ref('int_price_book__latest') }}
    group by tenant, sku, currency_code, coalesce(segment, ''), valid_from_on
),

prices as (
    select
        tenant,
        sku,
        currency_code,
        segment,
        unit_rate,
        valid_from_on,
        last_on,
        lead(valid_from_on, 1, cast('9999-12-31' as date)) over (
            partition by tenant, sku, currency_code, segment
            order by valid_from_on nulls last
        ) as next_from_on
    from prices_of_tenant
),

general_prices as (
    select * from prices
    where segment = ''
),

products as (
    -- A product that two systems describe is one product of the tenant.
    select
        tenant,
        sku,
        max(lower(trim(tax_class))) as tax_class,
        max(fulfilment_code) as fulfilment_code
    from {{ ref('int_products__latest') }}
    group by tenant, sku
),

tax_classes as (
    select tax_class from {{ ref('tax_classes') }}
),

currencies as (
    select
        currency_code,
        exponent
    from {{ ref('currencies') }}
),

with_references as (
    select
        documents.document_key,
        documents.recon_key,
        documents.currency_code,
        documents.has_contract,
        documents.contract_start_on,
        documents.contract_end_on,
        documents.order_type,
        documents.is_amendment,
        case when products.sku is not null or not feeds.has_products then documents.contract_tax_class end
            as contract_tax_class,
        order_lines.line_no,
        order_lines.sku,
        lower(trim(order_lines.tax_class)) as tax_class,
        abs(order_lines.quantity) as quantity,
        order_lines.unit_rate,
        order_lines.discount_amount,
        order_lines.tax_amount,
        order_lines.service_start_on,
        order_lines.service_end_on,
        coalesce(own_prices.unit_rate, general_prices.unit_rate) as list_rate,
        products.sku is not null as has_product,
        products.tax_class as product_tax_class,
        products.fulfilment_code,
        tax_classes.tax_class is not null as is_tax_class_listed,
        feeds.has_products,
        feeds.has_tax_classes,
        feeds.has_service_dates,
        {{ half_minor_unit('currencies.exponent') }} as rounding_amount
    from order_lines
    inner join documents
        on order_lines._document_key = documents.document_key
    inner join feeds
        on documents.tenant = feeds.tenant
    left join prices as own_prices
        on documents.tenant = own_prices.tenant
        and order_lines.sku = own_prices.sku
        and documents.currency_code = own_prices.currency_code
        and documents.segment = own_prices.segment
        and documents.ordered_on >= own_prices.valid_from_on
        and documents.ordered_on <= own_prices.last_on
        and documents.ordered_on < own_prices.next_from_on
    left join general_prices
        on documents.tenant = general_prices.tenant
        and order_lines.sku = general_prices.sku
        and documents.currency_code = general_prices.currency_code
        and documents.ordered_on >= general_prices.valid_from_on
        and documents.ordered_on <= general_prices.last_on
        and documents.ordered_on < general_prices.next_from_on
    left join products
        on documents.tenant = products.tenant
        and order_lines.sku = products.sku
    left join tax_classes
        on lower(trim(order_lines.tax_class)) = tax_classes.tax_class
    left join currencies
        on documents.currency_code = currencies.currency_code
),

-- A price book does not say for which period a price is: a month, a year, or the whole.
with_periods as (
    select
        with_references.*,
        case
            when unit_rate <> list_rate and service_end_on >= service_start_on
            then {{ days_between('service_start_on', 'service_end_on') }} + 1
        end as service_days
    from with_references
),

with_months as (
    select
        with_periods.*,
        -- twelve months in 365.25 days
        cast(round(service_days * cast(0.0328542094 as decimal(12, 10)), 0) as bigint) as service_months
    from with_periods
),

-- A share of a price is known to six places.
with_period_rates as (
    select
        with_months.*,
        cast(list_rate * cast(service_months as decimal(6, 0)) as decimal(28, 12)) as monthly_rate,
        cast(
            list_rate
            * cast(cast(service_months as decimal(6, 0)) * cast(0.083333333333 as decimal(13, 12)) as decimal(18, 12))
            as decimal(28, 6)
        ) as yearly_rate,
        cast(
            list_rate
            * cast(cast(service_days as decimal(6, 0)) * cast(0.002739726027 as decimal(13, 12)) as decimal(18, 12))
            as decimal(28, 6)
        ) as daily_rate
    from with_months
),

with_distances as (
    select
        with_period_rates.*,
        least(abs(unit_rate - monthly_rate), abs(unit_rate - yearly_rate), abs(unit_rate - daily_rate))
            as share_distance
    from with_period_rates
),

-- A price that is the book's for the line's own period, but for rounding, is right. Else an amendment, which is mostly
-- for part of a term, is held against the nearest reading, and any other line against the price as it stands there.
with_book_rates as (
    select
        with_distances.*,
        case
            when share_distance is null then list_rate
            when share_distance <= rounding_amount and share_distance < abs(unit_rate - list_rate) then unit_rate
            when not is_amendment or abs(unit_rate - list_rate) <= share_distance then list_rate
            when abs(unit_rate - yearly_rate) = share_distance then yearly_rate
            when abs(unit_rate - monthly_rate) = share_distance then monthly_rate
            else daily_rate
        end as book_rate
    from with_distances
),

with_faults as (
    select
        with_book_rates.*,
        case
            when tax_class is null
            then coalesce(product_tax_class, contract_tax_class) is null
                and has_tax_classes
                and coalesce(fulfilment_code, '') <> 'none'
                and (has_product or not has_products)
            when product_tax_class is not null or contract_tax_class is not null
            then tax_class <> coalesce(product_tax_class, tax_class || '?')
                and tax_class <> coalesce(contract_tax_class, tax_class || '?')
            else not is_tax_class_listed and (has_product or not has_products)
        end as has_tax_fault,
        case
            when service_end_on < service_start_on then 'reversed'
            when service_start_on is null and service_end_on is null
            then
                case
                    when has_service_dates
                        and (fulfilment_code = 'service' or (has_contract and not has_products))
                    then 'missing'
                end
            when has_contract and (service_start_on is null or service_end_on is null) then 'missing'
            when has_contract
                and order_type = 'renewal'
                and service_start_on > contract_end_on
            then null
            when has_contract and (service_start_on < contract_start_on or service_end_on > contract_end_on)
            then 'outside'
        end as date_fault
    from with_book_rates
),

-- Amounts are computed where something differs: multiplying a price is the dearest step of a line.
with_needs as (
    select
        with_faults.*,
        coalesce(unit_rate <> book_rate or (discount_amount <> 0 and book_rate is not null), false) as is_deviating,
        has_products and not has_product as has_product_fault
    from with_faults
),

with_list_amounts as (
    select
        with_needs.*,
        case
            when is_deviating or has_product_fault or date_fault is not null
            then {{ line_amount('quantity', 'unit_rate') }}
        end as list_amount
    from with_needs
),

final as (
    select
        ---------- keys
        document_key,
        recon_key,
        sku,

        ---------- strings
        line_no,
        tax_class,
        coalesce(product_tax_class, contract_tax_class) as expected_tax_class,
        date_fault,
        currency_code,

        ---------- numerics
        {{ quantity('quantity') }} as quantity,
        unit_rate,
        book_rate,
        list_amount,
        case
            when is_deviating and unit_rate = book_rate then list_amount
            when is_deviating then {{ line_amount('quantity', 'book_rate') }}
        end as book_amount,
        discount_amount,
        tax_amount,

        ---------- booleans
        has_product_fault,
        has_products as is_product_judged,
        has_tax_fault,
        has_tax_classes as is_tax_judged,
        service_start_on is not null or service_end_on is not null or date_fault is not null as is_date_judged,

        ---------- dates
        service_start_on,
        service_end_on,
        contract_start_on,
        contract_end_on
    from with_list_amounts
)

select * from final
