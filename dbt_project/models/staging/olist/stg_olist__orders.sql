-- Grain: one row per stored version of an order header of Olist.
-- Trap: total_amount is the sum of the order's latest items and null where it has none: null is unknown, not zero.

with source_rows as (
    select * from {{ source('olist', 'orders') }}
    where _observed_at <= {{ as_of() }}
),

{{ latest_rows(ref('stg_olist__order_lines')) }},

items_summed_to_orders as (
    select
        order_id,
        {{ money('sum(unit_rate + shipping_amount)') }} as total_amount,
        {{ money('sum(shipping_amount)') }} as shipping_amount
    from latest_rows
    where not _is_deleted
    group by order_id
),

final as (
    select
        ---------- keys
        'olist' as source,
        'orders' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        source_rows.order_id,
        source_rows.customer_id,
        cast(null as {{ dbt.type_string() }}) as contract_id,
        cast(null as {{ dbt.type_string() }}) as amends_order_id,
        cast(null as {{ dbt.type_string() }}) as renews_order_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        cast(null as {{ dbt.type_string() }}) as sales_owner_id,

        ---------- strings
        'marketplace' as order_type,
        'olist' as channel,
        'BRL' as currency_code,
        cast(null as {{ dbt.type_string() }}) as payment_terms,
        source_rows.order_status as native_status,
        cast(null as {{ dbt.type_string() }}) as approved_by,
        cast(null as {{ dbt.type_string() }}) as modification_type,

        ---------- numerics
        {{ money('0') }} as discount_amount,
        items_summed_to_orders.shipping_amount,
        {{ money('0') }} as tax_amount,
        {{ money('0') }} as tip_amount,
        items_summed_to_orders.total_amount,

        ---------- booleans
        true as is_tax_included,
        false as is_test,

        ---------- dates
        cast(null as date) as effective_on,
        cast(null as date) as ends_on,

        ---------- timestamps
        source_rows.order_purchase_timestamp as ordered_at,
        cast(source_rows.order_estimated_delivery_date as timestamp) as promised_at,

        ---------- provenance
        cast(null as timestamp) as updated_at,
        source_rows._key_hash as _row_key,
        source_rows._row_version,
        source_rows._load_seq,
        source_rows._line,
        source_rows._business_on,
        source_rows._is_deleted,
        source_rows._observed_at
    from source_rows
    left join items_summed_to_orders
        on source_rows.order_id = items_summed_to_orders.order_id
)

select * from final
