-- Grain: one row per expectation of any leg that its tenant has: what must exist.
-- Trap: amounts of different legs say different things: never add them.

with unioned as (
    {%- for leg_code in var('leg_codes') %}
    select * from {{ ref('int_expectations__' ~ leg_code) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

legs_in_use as (
    select * from {{ ref('int_legs_in_use') }}
),

final as (
    select unioned.*
    from unioned
    inner join legs_in_use
        on unioned.leg_code = legs_in_use.leg_code
        and unioned.tenant = legs_in_use.tenant
)

select * from final
