-- Grain: one row per (leg_code, source, rule version): the matching rule that holds for a source.
-- Trap: a source with rules of its own for a leg does not see the default ones.

with matching_rules as (
    select * from {{ ref('matching_rules') }}
),

sources as (
    -- distinct: a source has many streams
    select distinct source from {{ ref('stg_landing__streams') }}
),

own_rules as (
    -- distinct: a rule has several versions
    select distinct
        leg_code,
        source
    from matching_rules
    where source <> '*'
),

final as (
    select
        matching_rules.rule_id,
        matching_rules.rule_version,
        matching_rules.leg_code,
        sources.source,
        matching_rules.effective_from,
        matching_rules.effective_to,
        matching_rules.under_amount,
        matching_rules.over_amount,
        matching_rules.under_rate,
        matching_rules.over_rate
    from matching_rules
    inner join sources
        on matching_rules.source = sources.source
        or matching_rules.source = '*'
    left join own_rules
        on matching_rules.leg_code = own_rules.leg_code
        and sources.source = own_rules.source
    where matching_rules.source <> '*'
        or own_rules.leg_code is null
)

select * from final
