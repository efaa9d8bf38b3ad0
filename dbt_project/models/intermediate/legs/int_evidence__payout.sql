-- Grain: one row per seller statement line of an order: the net that the seller gets.
-- Trap: a source that states no deductions has no net to check. A statement that names no known order is told by the
-- seller split, and is not here.

with seller_statements as (
    select * from {{ ref('int_seller_statements__resolved') }}
),

final as (
    select
        ---------- keys
        'payout' as leg_code,
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
        net_amount as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        event_at,
        known_at,

        ---------- provenance
        _row_key
    from seller_statements
    where recon_key is not null
        and has_deductions
)

select * from final
