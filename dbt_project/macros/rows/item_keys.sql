{# The key under which a stored row of evidence takes part in matching without a key. #}
{% macro evidence_item_key(source, stream, row_key) -%}
    {{ source }} || '.' || {{ stream }} || ' ' || {{ row_key_text(row_key) }}
{%- endmacro %}
