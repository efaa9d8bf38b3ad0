{#
    Deterministic id: prefix and 26 base32 characters of sha256 over the parts, joined by the unit separator.
    A missing part counts as empty. Cast parts to string beforehand where they are not.
#}
{% macro deterministic_id(prefix, parts) -%}
    '{{ prefix }}' || {{ base32_26(sha256_hex(joined_parts(parts))) }}
{%- endmacro %}

{# The id of an exception: what it is about, and neither when it was found nor what it comes to. #}
{% macro exception_id(relation) -%}
    {{ deterministic_id('ex_', [
        relation ~ '.exception_code', relation ~ '.leg_code', relation ~ '.tenant', relation ~ '.recon_key',
        relation ~ '.line_key', relation ~ '.fact_key',
    ]) }}
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
    surrounding white space goes, letters with marks are composed (Unicode NFC), case is folded only where the rule says so, and an id of full_length
    is cut to significant_length (Salesforce writes the same record with 15 or 18 characters). A document of
    another system names such a record too: there only an id whose checksum holds is cut.
#}
{% macro normalised_id(id, rule) -%}
    {%- set plain = 'trim(' ~ composed(id) ~ ')' -%}
    case
        when {{ id }} is null or trim({{ id }}) = '' then null
        when {{ rule }}.significant_length is not null
            and length({{ plain }}) = {{ rule }}.full_length
            and (
                not coalesce({{ rule }}.is_checksummed, false)
                or substring({{ plain }}, 16, 3) = {{ record_checksum(plain) }}
            )
            then substring({{ plain }}, 1, {{ rule }}.significant_length)
        when {{ rule }}.case_mode = 'lower' then lower({{ plain }})
        when {{ rule }}.case_mode = 'upper' then upper({{ plain }})
        else {{ plain }}
    end
{%- endmacro %}

{#
    The three characters that make a case-sensitive id of 15 safe where case is lost: each says which of five
    characters are capitals. Asked only of ids that have the full length.
#}
{% macro record_checksum(id) -%}
    {%- for block in range(3) -%}
        {%- if not loop.first %} || {% endif -%}
        substring('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 1
        {%- for bit in range(5) %}
            + case when strpos('ABCDEFGHIJKLMNOPQRSTUVWXYZ', substring({{ id }}, {{ block * 5 + bit + 1 }}, 1)) > 0
                then {{ 2 ** bit }} else 0 end
        {%- endfor %}, 1)
    {%- endfor %}
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

{#
    The key under which a receiver knows a document, as orchestration/ledger/outbox.py makes it: SHA-256 over the JSON list
    of kind, natural key, version and target, each as text.
#}
{% macro idempotency_key(artifact_kind, natural_key, artifact_version, target_code) -%}
    'ml_' || substring({{ sha256_hex(
        "'[' || " ~ json_string(artifact_kind)
        ~ " || ', ' || " ~ json_string(natural_key)
        ~ " || ', ' || " ~ json_string('cast(' ~ artifact_version ~ ' as ' ~ dbt.type_string() ~ ')')
        ~ " || ', ' || " ~ json_string(target_code) ~ " || ']'"
    ) }}, 1, 40)
{%- endmacro %}
