-- Grain: one row per item that the search without a key left open: the nearest partner, and by how much it missed.
-- Trap: a sentence for people; nothing is decided by it.

with assignments as (
    select * from {{ ref('stg_matching__assignments') }}
    where outcome_code = 'open'
),

final as (
    select
        leg_code,
        tenant,
        native_id,
        side_code,
        item_key,
        currency_code,
        is_ambiguous,
        explanation
    from assignments
)

select * from final
