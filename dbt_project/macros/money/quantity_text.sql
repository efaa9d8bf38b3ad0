{# A quantity for people: whole numbers without decimals. #}
{% macro quantity_text(expression) -%}
    case
        when {{ expression }} = round({{ expression }}, 0)
            then cast(cast({{ expression }} as bigint) as {{ dbt.type_string() }})
        else cast(cast({{ expression }} as decimal(18, 3)) as {{ dbt.type_string() }})
    end
{%- endmacro %}
