{# Whether a tenant is one of those that synthetic orders come under: each case has its own. #}
{% macro is_synthetic(tenant) -%}
    coalesce(substring({{ tenant }}, 1, {{ var('synthetic_prefix') | length }}) = '{{ var("synthetic_prefix") }}', false)
{%- endmacro %}
