-- Grain: one row per stored version of a order header, as the generic extract gives it.
-- Trap: an amendment is a row of its own: int_order_versions folds it into the order that it changes.

with source_rows as (
    select * from {{ source('generic', 'orders') }}
    where _observed_at <= {{ as_of() }}
),

final as (
    select
        ---------- keys
        'generic' as source,
        'orders' as stream,
        tenant,
        system as source_system,
        instance as source_instance,
        order_id,
        customer_id,
        contract_id,
        amends_order_id,
        renews_order_id,
        opportunity_id,
        sales_owner_id,

        ---------- strings
        order_type,
        channel,
        currency as currency_code,
        payment_terms,
        status as native_status,
        approved_by,
        lower(modification_type) as modification_type,

        ---------- numerics
        discount_amount,
        shipping_amount,
        tax_amount,
        tip_amount,
        total_amount,

        ---------- booleans
        tax_included as is_tax_included,
        coalesce(is_test, false) as is_test,

        ---------- dates
        effective_on,
        ends_on,

        ---------- timestamps
        ordered_at,
        cast(null as timestamp) as promised_at,

        ---------- provenance
        updated_at,
        {{ provenance() }}
    from source_rows
)

select * from final
