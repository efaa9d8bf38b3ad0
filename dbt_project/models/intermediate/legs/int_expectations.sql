-- Grain: one row per expectation of any leg: what must exist.
-- Trap: amounts of different legs say different things: never add them.

with unioned as (
    {%- for leg_code in var('leg_codes') %}
    select * from {{ ref('int_expectations__' ~ leg_code) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select * from unioned
