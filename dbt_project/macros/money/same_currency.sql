{# The sum of an amount over a leg's groups in the order's own currency; the others are never added to it. #}
{% macro same_currency(amount) -%}
    sum(case when match_groups.currency_code = orders.currency_code then {{ amount }} else 0 end)
{%- endmacro %}
