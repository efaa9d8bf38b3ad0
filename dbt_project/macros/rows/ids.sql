{#
    Deterministic id: prefix and 26 base32 characters of sha256 over the parts, joined by the unit separator.
    A missing part counts as empty. Cast parts to string beforehand where they are not.
#}
{% macro deterministic_id(prefix, parts) -%}
    '{{ prefix }}' || {{ base32_26(sha256_hex(joined_parts(parts))) }}
{%- endmacro %}

{% macro joined_parts(parts) -%}
    (
    {%- for part in parts %}
        coalesce(cast({{ part }} as {{ dbt.type_string() }}), '')
        {%- if not loop.last %} || {{ separator() }} || {% endif %}
    {%- endfor %}
    )
{%- endmacro %}

{#
    An identifier in its canonical form, by the row of id_rules joined as `rule`:
    surrounding white space goes, case is folded only where the rule says so, and an id longer
    than significant_length is cut to it (Salesforce writes the same record with 15 or 18 characters).
#}
{% macro normalised_id(id, rule) -%}
    case
        when {{ id }} is null or trim({{ id }}) = '' then null
        when {{ rule }}.significant_length is not null
            and length(trim({{ id }})) = {{ rule }}.full_length
            then substring(trim({{ id }}), 1, {{ rule }}.significant_length)
        when {{ rule }}.case_mode = 'lower' then lower(trim({{ id }}))
        when {{ rule }}.case_mode = 'upper' then upper(trim({{ id }}))
        else trim({{ id }})
    end
{%- endmacro %}

{#
    Whether an identifier is damaged beyond repair, by the rule joined as `rule`. A pattern that comes from a
    column is compiled for each row, so only ids with the hint in them are compared with it.
#}
{% macro is_damaged_id(id, rule) -%}
    case
        when strpos(upper({{ id }}), {{ rule }}.damaged_hint) > 0
            then {{ regex_like(id, rule ~ '.damaged_pattern') }}
        else false
    end
{%- endmacro %}
