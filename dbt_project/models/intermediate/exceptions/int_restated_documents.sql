-- Grain: one row per document of evidence whose amount or quantity came again and differs: (leg_code, source, stream,
-- tenant, source_system, native_id).
-- Trap: lines of one document that changed are one restatement; lines that changed places are none.

with restated_rows as (
    select * from {{ ref('int_restated_rows') }}
),

restated as (
    select
        ---------- keys
        leg_code,
        source,
        stream,
        native_id,
        tenant,
        source_system,
        min(recon_key) as recon_key,
        min(currency_code) as currency_code,

        ---------- numerics
        {{ money('sum(change_amount)') }} as change_amount,
        cast(sum(change_quantity) as decimal(18, 6)) as change_quantity,
        {{ money('sum(actual_amount)') }} as actual_amount,

        ---------- timestamps
        max(restated_at) as restated_at
    from restated_rows
    group by leg_code, source, stream, native_id, tenant, source_system
    having sum(change_amount) <> 0
        or sum(change_quantity) <> 0
),

-- The header of a settlement that changed by as much as its lines did is the same fact.
final as (
    select restated.*
    from restated
    left join restated as restated_lines
        on restated.tenant = restated_lines.tenant
        and restated.source = restated_lines.source
        and restated.source_system = restated_lines.source_system
        and restated.native_id = restated_lines.native_id
        and restated_lines.leg_code = 'settlement'
        and restated.leg_code = 'settlement_batch'
        and abs(restated.change_amount) = abs(restated_lines.change_amount)
    where restated_lines.native_id is null
)

select * from final
