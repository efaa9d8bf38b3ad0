-- Grain: one row per settlement line or batch that is read and is evidence of no leg, with the reason.
-- Trap: a fee or reserve line counts in its batch's footing; it is set aside only from the leg of payments.

with lines as (
    select
        source,
        stream,
        _row_key,
        role_code as reason_code
    from {{ ref('int_settlement_lines__resolved') }}
    where not is_evidence
),

batches as (
    select
        source,
        stream,
        _row_key,
        detail_code as reason_code
    from {{ ref('int_settlement_batches__computed') }}
    where has_header
        and detail_code not in ('FOOTED', 'UNATTRIBUTABLE')
),

final as (
    select * from lines
    union all
    select * from batches
)

select * from final
