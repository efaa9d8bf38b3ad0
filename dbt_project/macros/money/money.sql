{# Every computed amount leaves through here: sums are wider and would break contracts. #}
{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{# Every computed quantity leaves through here. #}
{% macro quantity(expression) -%}
    cast({{ expression }} as decimal(18, 6))
{%- endmacro %}

{# Half a minor unit of a currency by its exponent: the most that rounding one line can move. #}
{% macro half_minor_unit(exponent) -%}
    case {{ exponent }}
        when 0 then cast(0.5 as decimal(18, 4))
        when 3 then cast(0.0005 as decimal(18, 4))
        else cast(0.005 as decimal(18, 4))
    end
{%- endmacro %}

{# An amount in whole minor units of its currency, rounded half away from zero: once, as the last step. #}
{% macro rounded_to(expression, exponent) -%}
    {#- Each branch is cast: branches of different scale would meet at the scale of the smallest. #}
    case {{ exponent }}
        when 0 then cast(round({{ expression }}, 0) as decimal(18, 4))
        when 3 then cast(round({{ expression }}, 3) as decimal(18, 4))
        else cast(round({{ expression }}, 2) as decimal(18, 4))
    end
{%- endmacro %}

{#
    The part of an amount of either sign that falls on a part of a quantity, in whole minor units. The quantities are
    not negative; where part and whole are equal it is the amount itself.
#}
{% macro part_of(amount, part, whole, exponent) -%}
    case
        when {{ part }} = {{ whole }} then {{ amount }}
        when {{ amount }} < 0 then -{{ rounded_to(shared_amount('-(' ~ amount ~ ')', part, whole), exponent) }}
        else {{ rounded_to(shared_amount(amount, part, whole), exponent) }}
    end
{%- endmacro %}

{# Whole months of a service period, its last day included; null where either day is missing. #}
{% macro service_months(start_on, end_on) -%}
    (
        (extract(year from {{ dbt.dateadd('day', 1, end_on) }}) - extract(year from {{ start_on }})) * 12
        + extract(month from {{ dbt.dateadd('day', 1, end_on) }}) - extract(month from {{ start_on }})
    )
{%- endmacro %}

{#
    An amount that can be multiplied by a rate. An engine may keep the product of two decimals of at most 18 digits within
    18 digits: with six places of a rate that ends at a hundred million, which a large order in yen is.
#}
{% macro wide(amount) %}cast({{ amount }} as decimal(24, 4)){% endmacro %}
