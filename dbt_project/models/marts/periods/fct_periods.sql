-- Grain: one row per (tenant, period_code, stage_code, currency_code): what a month reports.
-- Trap: a closed month says what was known when it was closed; what came since is in late_count and late_amount alone.

with documents as (
    select * from {{ ref('int_period_documents') }}
),

final as (
    select
        ---------- keys
        tenant,
        period_code,
        stage_code,
        currency_code,

        ---------- numerics
        min(stage_rank) as stage_rank,
        {{ count_if('case when is_closed then was_there_at_close else is_there_now end') }} as document_count,
        {{ money('sum(case when is_closed then amount_at_close else amount_now end)') }} as amount,
        {{ count_if('is_closed and (late_amount <> 0 or is_there_now <> was_there_at_close)') }} as late_count,
        {{ money('sum(late_amount)') }} as late_amount,

        ---------- booleans
        max(case when is_closed then 1 else 0 end) = 1 as is_closed,

        ---------- timestamps
        max(closed_at) as closed_at
    from documents
    group by tenant, period_code, stage_code, currency_code
)

select * from final
