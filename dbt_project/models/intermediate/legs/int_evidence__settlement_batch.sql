-- Grain: one row per settlement batch that a header states, with its net.
-- Trap: a batch without lines is here only where lines could be expected of its tenant: then it is unattributable.

with batches as (
    select * from {{ ref('int_settlement_batches__computed') }}
    where detail_code in ('FOOTED', 'UNATTRIBUTABLE')
),

final as (
    select
        ---------- keys
        'settlement_batch' as leg_code,
        batch_key as anchor_key,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        tenant,
        source,
        stream,
        source_system,
        batch_id as native_id,
        cast(null as {{ dbt.type_string() }}) as line_no,
        cast(null as {{ dbt.type_string() }}) as order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        'found' as ref_status,
        'batch' as kind_code,
        currency_code,

        ---------- numerics
        stated_amount as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        closed_at as event_at,
        known_at,

        ---------- provenance
        _row_key
    from batches
)

select * from final
