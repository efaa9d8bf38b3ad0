-- Grain: one row per (recon_key, version_no).
-- Trap: valid_* is when the version holds in business, known_* when the warehouse knew it: do not mix them.

with order_versions as (
    select * from {{ ref('int_order_versions') }}
    where not {{ is_synthetic('tenant') }}
),

final as (
    select
        ---------- keys
        recon_key,
        version_no,
        tenant,
        order_id,
        source_system,
        customer_id,
        contract_id,

        ---------- strings
        order_type,
        channel,
        currency_code,
        status_code as order_status_code,
        change_kind,
        approved_by,

        ---------- numerics
        coalesce(total_amount, {{ money('0') }}) as total_amount,

        ---------- booleans
        total_amount is not null as has_known_total,
        is_current,

        ---------- timestamps
        ordered_at,
        valid_from,
        valid_to,
        known_from,
        known_to
    from order_versions
)

select * from final
