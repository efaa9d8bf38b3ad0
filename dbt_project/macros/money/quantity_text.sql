{# A quantity for people: whole numbers without decimals, else three, more only where the quantity has them. #}
{% macro quantity_text(expression) -%}
    case
        when {{ expression }} = round({{ expression }}, 0)
            then cast(cast({{ expression }} as bigint) as {{ dbt.type_string() }})
        when {{ expression }} = round({{ expression }}, 3)
            then cast(cast({{ expression }} as decimal(18, 3)) as {{ dbt.type_string() }})
        else cast(cast({{ expression }} as decimal(18, 6)) as {{ dbt.type_string() }})
    end
{%- endmacro %}
