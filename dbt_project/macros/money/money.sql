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
