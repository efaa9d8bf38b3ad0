{#
    A JSON object as canonical text (RFC 8785): members in the order of their names, no white space. `texts` are
    expressions of text, `parts` expressions that are JSON already.
#}
{% macro json_document(texts, parts={}) -%}
    '{' ||
    {%- set members = dict(texts, **parts) %}
    {%- for name in members | sort %}
    '{{ "," if not loop.first }}"{{ name }}":' || {% if name in texts %}{{ json_string(texts[name]) }}{% else %}{{ parts[name] }}{% endif %} ||
    {%- endfor %}
    '}'
{%- endmacro %}

{# The documents of a group as a JSON array, in a given order. #}
{% macro json_rows(document, order_by) -%}
    '[' || {{ joined_in_order(document, order_by) }} || ']'
{%- endmacro %}

{# A yes or no as JSON spells it. #}
{% macro json_flag(expression) -%}
    case when {{ expression }} then 'true' else 'false' end
{%- endmacro %}
