{# Whether lines of an amount come to what their document asks for, with or without its tax. #}
{% macro foots(amount) -%}
    total_amount in (
        {{ amount }},
        {{ money(amount ~ ' + document_tax_amount') }},
        {{ money(amount ~ ' + line_tax_amount') }}
    )
{%- endmacro %}

{# The same for prices a month: the document asks for so many times its lines. #}
{% macro foots_by_month(amount) -%}
    (
        {{ amount }} <> 0
        and month_count > 1
        and total_amount in (
            {{ money(amount ~ ' * month_count') }},
            {{ money(amount ~ ' * month_count + document_tax_amount') }},
            {{ money(amount ~ ' * month_count + line_tax_amount') }}
        )
    )
{%- endmacro %}
