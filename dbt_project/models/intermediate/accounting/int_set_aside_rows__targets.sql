-- Grain: one row per document at a target as it was last listed, with where it ended beside what was sent.
-- Trap: what the target deleted is accounted for as deleted, whatever stands here.

with compared as (
    select * from {{ ref('int_target_documents__compared') }}
),

missing as (
    select fact_key as intent_id
    from {{ ref('int_exceptions__targets') }}
    where exception_code = 'SYS_WRITE_UNKNOWN'
),

final as (
    select
        compared.source,
        compared.stream,
        compared._row_key,
        case
            when compared.is_finding or compared.comparison_code = 'IN_OUTBOX' or missing.intent_id is not null
            then 'EXCEPTION'
            when compared.comparison_code = 'ON_ITS_WAY' then 'WAITING'
            when compared.comparison_code = 'SAME' then 'MATCHED'
            else compared.comparison_code
        end as reason_code
    from compared
    left join missing
        on compared.intent_id = missing.intent_id
    where not compared._is_deleted
)

select * from final
