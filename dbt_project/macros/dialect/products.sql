{#
    Whether a quantity is whole and a unit price has at most four decimals, both small enough for nine digits: nearly all
    are. Such a product is exact in 18 digits, which DuckDB computes fifty times as fast as it rescales a wider one.
#}
{% macro is_short_product(quantity, unit_rate) -%}
    try_cast({{ quantity }} as decimal(9, 0)) = {{ quantity }}
    and {{ short_rate(unit_rate) }} = {{ unit_rate }}
{%- endmacro %}
{% macro short_rate(unit_rate) %}try_cast(try_cast({{ unit_rate }} as decimal(18, 12)) as decimal(9, 4)){% endmacro %}
{% macro short_product(quantity, unit_rate) %}try_cast({{ quantity }} as decimal(9, 0)) * {{ short_rate(unit_rate) }}{% endmacro %}

{#
    What a quantity of a unit price comes to, before it is rounded to an amount: to the twelve places of a unit price.
#}
{% macro exact_product(quantity, unit_rate) %}{{ return(adapter.dispatch('exact_product', 'meshline')(quantity, unit_rate)) }}{% endmacro %}
{% macro default__exact_product(quantity, unit_rate) -%}
    case
        when {{ is_short_product(quantity, unit_rate) }}
        then cast({{ short_product(quantity, unit_rate) }} as decimal(38, 12))
        else cast({{ quantity }} * {{ unit_rate }} as decimal(38, 12))
    end
{%- endmacro %}
{% macro spark__exact_product(quantity, unit_rate) %}cast({{ quantity }} * cast({{ unit_rate }} as decimal(20, 10)) as decimal(38, 12)){% endmacro %}

{#
    What a quantity of a unit price comes to as an amount. Multiplied once and cast once, per line, before any sum.
    One document's quantity at another's price, or an absurd amount in another currency, can be more than an amount holds
    (a line's own product is checked at landing): it counts as the largest there is, for such a row is an exception
    by its quantity and must not keep everybody else's figures from being computed.
#}
{% macro line_amount(quantity, unit_rate) %}{{ return(adapter.dispatch('line_amount', 'meshline')(quantity, unit_rate)) }}{% endmacro %}
{% macro default__line_amount(quantity, unit_rate) -%}
    case
        when {{ unit_rate }} = 1 then cast({{ quantity }} as decimal(18, 4))
        when {{ is_short_product(quantity, unit_rate) }}
        then cast({{ short_product(quantity, unit_rate) }} as decimal(18, 4))
        when {{ quantity }} is not null and {{ unit_rate }} is not null
        then coalesce(
            try(cast({{ quantity }} * {{ unit_rate }} as decimal(18, 4))),
            cast(sign({{ quantity }}) * sign({{ unit_rate }}) as decimal(1, 0)) * cast(9999999999999.9999 as decimal(17, 4))
        )
    end
{%- endmacro %}
{% macro spark__line_amount(quantity, unit_rate) %}cast({{ quantity }} * cast({{ unit_rate }} as decimal(20, 10)) as decimal(18, 4)){% endmacro %}
