-- Grain: one row per (leg_code, anchor_key, currency_code) of a match that was confirmed without a key, or made by hand.
-- Trap: the anchor of a match with one expectation is that expectation's own; only a match of several has a new one.

with assignments as (
    select * from {{ ref('stg_matching__assignments') }}
    where outcome_code = 'confirmed'
),

manual_members as (
    select * from {{ ref('int_manual_members') }}
),

final as (
    select
        ---------- keys
        leg_code,
        case
            when max(expected_count) = 1 then max(case when side_code = 'expected' then item_key end)
            else group_key
        end as anchor_key,
        currency_code,
        group_key,
        min(tenant) as tenant,

        ---------- strings
        min(kind_code) as kind_code,
        min(residual_class) as residual_class,
        min(rule_id) as rule_id,
        min(rule_version) as rule_version,
        min(explanation) as explanation,

        ---------- numerics
        cast(max(expected_count) as bigint) as expected_count,
        cast(max(actual_count) as bigint) as actual_count,
        {{ money('max(residual_amount)') }} as residual_amount,
        cast(max(score) as decimal(9, 6)) as score,
        cast(max(margin) as decimal(9, 6)) as margin,

        ---------- booleans
        max(case when is_exchangeable then 1 else 0 end) = 1 as is_exchangeable
    from assignments
    group by leg_code, group_key, currency_code
    union all
    select
        leg_code,
        anchor_key,
        currency_code,
        approval_id as group_key,
        min(tenant) as tenant,
        'manual' as kind_code,
        -- What a match by hand leaves over has no name yet: rules judge it.
        cast(null as {{ dbt.type_string() }}) as residual_class,
        approval_id as rule_id,
        1 as rule_version,
        'Put together by hand (' || approval_id || '): ' || min(reason) as explanation,
        max(expected_count) as expected_count,
        max(actual_count) as actual_count,
        cast(null as decimal(18, 4)) as residual_amount,
        cast(null as decimal(9, 6)) as score,
        cast(null as decimal(9, 6)) as margin,
        false as is_exchangeable
    from manual_members
    group by leg_code, anchor_key, currency_code, approval_id
)

select * from final
