{# The key under which a stored row of evidence takes part in matching without a key. #}
{% macro evidence_item_key(source, stream, row_key) -%}
    {{ source }} || '.' || {{ stream }} || ' ' || cast({{ row_key }} as {{ dbt.type_string() }})
{%- endmacro %}
