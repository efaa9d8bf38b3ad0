{# A text as JSON spells it. #}
{% macro json_string(expression) %}{{ return(adapter.dispatch('json_string', 'meshline')(expression)) }}{% endmacro %}
{% macro default__json_string(expression) -%}
    coalesce('"' || replace(replace({{ expression }}, '\\', '\\\\'), '"', '\\"') || '"', 'null')
{%- endmacro %}
{% macro duckdb__json_string(expression) %}coalesce(cast(to_json({{ expression }}) as varchar), 'null'){% endmacro %}

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

{# A JSON array of the documents of a group, in a given order. #}
{% macro json_rows(document, order_by) %}{{ return(adapter.dispatch('json_rows', 'meshline')(document, order_by)) }}{% endmacro %}
{% macro default__json_rows(document, order_by) -%}
    '[' || string_agg({{ document }}, ',' order by {{ order_by }} nulls last) || ']'
{%- endmacro %}
{% macro spark__json_rows(document, order_by) -%}
    '[' || array_join(transform(array_sort(collect_list(struct({{ order_by }} as place, {{ document }} as document))), row -> row.document), ',') || ']'
{%- endmacro %}

{# A yes or no as JSON spells it. #}
{% macro json_flag(expression) -%}
    case when {{ expression }} then 'true' else 'false' end
{%- endmacro %}

{# A moment as ISO 8601 in UTC; a date as ISO 8601. #}
{% macro day_text(expression) -%}
    cast({{ expression }} as {{ dbt.type_string() }})
{%- endmacro %}
