{# Every computed amount leaves through here: sums are wider and would break contracts. #}
{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{# Every computed quantity leaves through here. #}
{% macro quantity(expression) -%}
    cast({{ expression }} as decimal(18, 6))
{%- endmacro %}

{#
    An amount rounded to its currency's exponent, half away from zero.
    The exponent is a column, so the step is a multiplication by a decimal, never a division.
#}
{% macro round_to_exponent(expression, exponent) -%}
    cast(case {{ exponent }}
        when 0 then round({{ expression }}, 0)
        when 3 then round({{ expression }}, 3)
        else round({{ expression }}, 2)
    end as decimal(18, 4))
{%- endmacro %}

{# Half a minor unit of a currency by its exponent: the most that rounding one line can move. #}
{% macro half_minor_unit(exponent) -%}
    case {{ exponent }}
        when 0 then cast(0.5 as decimal(18, 4))
        when 3 then cast(0.0005 as decimal(18, 4))
        else cast(0.005 as decimal(18, 4))
    end
{%- endmacro %}
