-- Grain: one row per settlement batch whose lines are known: the net that they come to.
-- Trap: a batch belongs to no order: recon_key is null. What the lines come to is the expectation, what the
-- header states is the evidence.

with batches as (
    select * from {{ ref('int_settlement_batches__computed') }}
    where detail_code in ('FOOTED', 'LINES_ALONE')
),

final as (
    select
        ---------- keys
        'settlement_batch' as leg_code,
        batch_key as anchor_key,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        tenant,
        source,
        source_system,
        batch_id as native_id,

        ---------- strings
        currency_code,
        cast(null as {{ dbt.type_string() }}) as explained_class,

        ---------- numerics
        computed_amount as expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        cast(0 as bigint) as rounding_count,

        ---------- dates
        payout_on as business_on,

        ---------- timestamps
        closed_at as due_at
    from batches
)

select * from final
