{# Payment terms as systems spell them ("Net 30", "NET-30", "net_30") under one key. #}
{% macro payment_terms_key(expression) -%}
    lower(replace(replace(replace(trim({{ expression }}), ' ', ''), '-', ''), '_', ''))
{%- endmacro %}
