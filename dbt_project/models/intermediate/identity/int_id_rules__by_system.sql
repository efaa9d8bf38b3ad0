-- Grain: one row per system that any document names, with the id rule that holds for it.
-- Trap: a system without a rule of its own has the default rule, system *.

with id_rules as (
    select
        system,
        rule_version,
        case_mode,
        full_length,
        significant_length,
        is_checksummed,
        damaged_hint,
        damaged_pattern
    from {{ ref('id_rules') }}
),

-- union, not union all: each system once
systems as (
    {%- for entity in ['orders'] + var('feed_streams') %}
    select source_system from {{ ref('int_' ~ entity ~ '__unioned') }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        systems.source_system,
        coalesce(own_rules.rule_version, default_rules.rule_version) as rule_version,
        coalesce(own_rules.case_mode, default_rules.case_mode) as case_mode,
        coalesce(own_rules.full_length, default_rules.full_length) as full_length,
        coalesce(own_rules.significant_length, default_rules.significant_length) as significant_length,
        coalesce(own_rules.is_checksummed, default_rules.is_checksummed) as is_checksummed,
        coalesce(own_rules.damaged_hint, default_rules.damaged_hint) as damaged_hint,
        coalesce(own_rules.damaged_pattern, default_rules.damaged_pattern) as damaged_pattern
    from systems
    left join id_rules as own_rules
        on systems.source_system = own_rules.system
    left join id_rules as default_rules
        on default_rules.system = '*'
)

select * from final
