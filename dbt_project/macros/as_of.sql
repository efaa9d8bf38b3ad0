{# The moment of this run, naive UTC. Models read no clock, so that a replay gives the same answer. #}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as timestamp)
{%- endmacro %}
