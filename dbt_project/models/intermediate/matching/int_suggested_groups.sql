-- Grain: one row per member of a match that is suggested: a person decides, nothing is settled by it.
-- Trap: an item can be suggested in several groups; never add their amounts.

with assignments as (
    select * from {{ ref('stg_matching__assignments') }}
    where outcome_code = 'suggested'
),

open_items as (
    select * from {{ ref('int_open_items') }}
),

expectations as (
    select
        leg_code,
        anchor_key,
        currency_code,
        min(recon_key) as recon_key
    from {{ ref('int_expectations') }}
    where leg_code in (
            -- distinct: a leg has many suggestions
            select distinct assignments.leg_code from assignments
        )
    group by leg_code, anchor_key, currency_code
),

final as (
    select
        ---------- keys
        'mt_'
        || {{ dbt.hash(joined_parts(['assignments.leg_code', 'assignments.group_key', 'assignments.currency_code'])) }}
            as match_id,
        assignments.leg_code,
        assignments.tenant,
        assignments.group_key,
        assignments.item_key,
        open_items.native_id,
        expectations.recon_key,

        ---------- strings
        open_items.source_system,
        open_items.stream,
        assignments.side_code,
        assignments.currency_code,
        assignments.kind_code,
        assignments.rule_id,
        assignments.rule_version,
        assignments.explanation,

        ---------- numerics
        assignments.item_amount,
        assignments.expected_count,
        assignments.actual_count,
        assignments.score,
        assignments.margin,

        ---------- booleans
        assignments.is_exchangeable,
        assignments.is_ambiguous
    from assignments
    inner join open_items
        on assignments.leg_code = open_items.leg_code
        and assignments.side_code = open_items.side_code
        and assignments.currency_code = open_items.currency_code
        and assignments.item_key = open_items.item_key
    left join expectations
        on case when assignments.side_code = 'expected' then assignments.leg_code end = expectations.leg_code
        and assignments.item_key = expectations.anchor_key
        and assignments.currency_code = expectations.currency_code
)

select * from final
