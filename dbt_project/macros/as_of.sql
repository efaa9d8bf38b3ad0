{# The moment of this run, naive UTC. Models read no clock, so that a replay gives the same answer. #}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as timestamp)
{%- endmacro %}

{# The end of an open validity: compared with, so that a join by date stays a join by comparison. #}
{% macro end_of_time() -%}
    cast('9999-12-31' as date)
{%- endmacro %}
