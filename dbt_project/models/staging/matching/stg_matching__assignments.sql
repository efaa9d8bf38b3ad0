-- Grain: one row per member of a match that was made without a key, and one per item that stayed open.
-- Trap: an item can be in several suggested groups, but in one confirmed group at most; open items have no group.

with source_rows as (
    select * from {{ source('matching', 'assignments') }}
),

final as (
    select
        ---------- keys
        leg_code,
        tenant,
        group_key,
        item_key,
        native_id,

        ---------- strings
        side_code,
        currency_code,
        outcome_code,
        kind_code,
        residual_class,
        rule_id,
        rule_version,
        explanation,

        ---------- numerics
        item_amount,
        residual_amount,
        expected_count,
        actual_count,
        score,
        margin,

        ---------- booleans
        is_exchangeable,
        is_ambiguous
    from source_rows
)

select * from final
