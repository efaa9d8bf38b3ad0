{# An amount for people: two decimals, more only where the amount has them (three for a dinar). #}
{% macro amount_text(expression) -%}
    case
        when {{ expression }} = round({{ expression }}, 2)
            then cast(cast({{ expression }} as decimal(18, 2)) as {{ dbt.type_string() }})
        when {{ expression }} = round({{ expression }}, 3)
            then cast(cast({{ expression }} as decimal(18, 3)) as {{ dbt.type_string() }})
        else cast(cast({{ expression }} as decimal(18, 4)) as {{ dbt.type_string() }})
    end
{%- endmacro %}
