-- Grain: one row per seller statement line of an order.
-- Trap: gross is compared here; commission and net are compared by the payout leg.

with seller_statements as (
    select * from {{ ref('int_seller_statements__resolved') }}
),

final as (
    select
        ---------- keys
        'seller_split' as leg_code,
        recon_key || '-' || seller_id as anchor_key,
        recon_key,
        tenant,
        source,
        stream,
        source_system,
        native_id,
        cast(null as {{ dbt.type_string() }}) as line_no,
        order_ref,
        seller_id,

        ---------- strings
        ref_status,
        'statement' as kind_code,
        currency_code,

        ---------- numerics
        gross_amount as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        event_at,
        known_at,

        ---------- provenance
        _row_key
    from seller_statements
)

select * from final
