{#
    What a piece of revenue has earned by the end of a month, in whole minor units: the months of a piece are the
    differences, so they come to its amount exactly. catch_up earns nothing before its month, and then all that the days
    of the whole line before it come to; every other treatment begins on the day from which the piece holds. After its
    stop_on a piece earns nothing more: a later piece has what is left of it.
#}
{% macro earned_by(piece, treatment, basis, month_on, last_on) -%}
    {%- set month_on = 'least(' ~ month_on ~ ', coalesce(' ~ piece ~ '.stop_on, ' ~ month_on ~ '))' -%}
    {%- set last_on = 'least(' ~ last_on ~ ', coalesce(' ~ piece ~ '.stop_on, ' ~ last_on ~ '))' -%}
    case
        when {{ treatment }} = 'catch_up' and {{ last_on }} < {{ piece }}.effective_on then cast(0 as decimal(18, 4))
        when {{ treatment }} = 'catch_up' and {{ basis }} = 'MONTHS'
        then {{ part_of(
            piece ~ '.earned_amount',
            'least(greatest(' ~ months_touched(piece ~ '.line_start_on', month_on) ~ ', 0), '
            ~ months_touched(piece ~ '.line_start_on', piece ~ '.line_end_on') ~ ')',
            months_touched(piece ~ '.line_start_on', piece ~ '.line_end_on'), piece ~ '.exponent'
        ) }}
        when {{ treatment }} = 'catch_up'
        then {{ part_of(
            piece ~ '.earned_amount',
            'greatest(' ~ days_between(piece ~ '.line_start_on', 'least(' ~ last_on ~ ', ' ~ piece ~ '.line_end_on)') ~ ' + 1, 0)',
            '(' ~ days_between(piece ~ '.line_start_on', piece ~ '.line_end_on') ~ ' + 1)', piece ~ '.exponent'
        ) }}
        when {{ basis }} = 'MONTHS'
        then {{ part_of(
            piece ~ '.earned_amount',
            'least(greatest(' ~ months_touched(piece ~ '.start_on', month_on) ~ ', 0), '
            ~ months_touched(piece ~ '.start_on', piece ~ '.end_on') ~ ')',
            months_touched(piece ~ '.start_on', piece ~ '.end_on'), piece ~ '.exponent'
        ) }}
        else {{ part_of(
            piece ~ '.earned_amount',
            'greatest(' ~ days_between(piece ~ '.start_on', 'least(' ~ last_on ~ ', ' ~ piece ~ '.end_on)') ~ ' + 1, 0)',
            '(' ~ days_between(piece ~ '.start_on', piece ~ '.end_on') ~ ' + 1)', piece ~ '.exponent'
        ) }}
    end
{%- endmacro %}

{# How many calendar months two days and what lies between them touch; 0 or less where the second is in an earlier month. #}
{% macro months_touched(first_on, last_on) -%}
    cast(
        (extract(year from {{ last_on }}) - extract(year from {{ first_on }})) * 12
        + extract(month from {{ last_on }}) - extract(month from {{ first_on }}) + 1
        as bigint
    )
{%- endmacro %}
