-- Grain: one row per payment event that must appear in a settlement, in the currency it is settled in.
-- Trap: several events share an anchor where the settlement names their order and type alone.

with events as (
    select * from {{ ref('int_settlement_events__compared') }}
    where is_settled_by_provider
),

final as (
    select
        ---------- keys
        'settlement' as leg_code,
        anchor_key,
        recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        tenant,
        source,
        source_system,
        payment_id as native_id,

        ---------- strings
        currency_code,
        explained_class,

        ---------- numerics
        expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        coalesce(explained_amount, expected_amount) as explained_amount,
        cast(0 as bigint) as rounding_count,

        ---------- dates
        event_on as business_on,

        ---------- timestamps
        settlement_due_at as due_at
    from events
)

select * from final
