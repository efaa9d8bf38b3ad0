{# A unit price for people: two decimals, else four, all twelve only where the price has more. #}
{% macro rate_text(expression) -%}
    case
        when {{ expression }} = round({{ expression }}, 2)
            then cast(cast({{ expression }} as decimal(18, 2)) as {{ dbt.type_string() }})
        when {{ expression }} = round({{ expression }}, 4)
            then cast(cast({{ expression }} as decimal(18, 4)) as {{ dbt.type_string() }})
        else cast(cast({{ expression }} as decimal(28, 12)) as {{ dbt.type_string() }})
    end
{%- endmacro %}
