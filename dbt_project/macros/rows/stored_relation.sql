{# A table as an earlier run left it, or none: for a model that compares with its own successor's past. #}
{% macro stored_relation(schema, identifier) -%}
    {%- if execute -%}
        {{ return(adapter.get_relation(database=target.database, schema=schema, identifier=identifier)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
