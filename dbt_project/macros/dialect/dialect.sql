{# What differs between engines. default__ is DuckDB; spark__ and postgres__ stand beside it. #}

{% macro sha256_hex(expression) %}{{ return(adapter.dispatch('sha256_hex', 'meshline')(expression)) }}{% endmacro %}
{% macro default__sha256_hex(expression) %}sha256({{ expression }}){% endmacro %}
{% macro spark__sha256_hex(expression) %}sha2({{ expression }}, 256){% endmacro %}
{% macro postgres__sha256_hex(expression) %}encode(sha256(convert_to({{ expression }}, 'UTF8')), 'hex'){% endmacro %}

{# The unit separator: it cannot occur in a loaded value, so joined parts cannot collide. #}
{% macro separator() %}{{ return(adapter.dispatch('separator', 'meshline')()) }}{% endmacro %}
{% macro default__separator() %}chr(31){% endmacro %}
{% macro spark__separator() %}char(31){% endmacro %}

{# A text with letters and their marks composed (Unicode NFC). An engine without such a function keeps the text as it came. #}
{% macro composed(expression) %}{{ return(adapter.dispatch('composed', 'meshline')(expression)) }}{% endmacro %}
{% macro default__composed(expression) %}nfc_normalize({{ expression }}){% endmacro %}
{% macro spark__composed(expression) %}{{ expression }}{% endmacro %}
{% macro postgres__composed(expression) %}normalize({{ expression }}, nfc){% endmacro %}

{#
    The first 130 bits of a hex digest as 26 lower-case base32 characters (RFC 4648 alphabet):
    two runs of 60 bits and one of 10, each of which fits a bigint.
#}
{% macro base32_26(hex) %}{{ return(adapter.dispatch('base32_26', 'meshline')(hex)) }}{% endmacro %}
{% macro default__base32_26(hex) -%}
    translate(
        to_base(cast('0x' || substring({{ hex }}, 1, 15) as bigint), 32, 12)
        || to_base(cast('0x' || substring({{ hex }}, 16, 15) as bigint), 32, 12)
        || to_base(cast('0x' || substring({{ hex }}, 31, 3) as bigint) >> 2, 32, 2),
        '0123456789ABCDEFGHIJKLMNOPQRSTUV',
        'abcdefghijklmnopqrstuvwxyz234567'
    )
{%- endmacro %}
{% macro spark__base32_26(hex) -%}
    translate(
        lpad(conv(substring({{ hex }}, 1, 15), 16, 32), 12, '0')
        || lpad(conv(substring({{ hex }}, 16, 15), 16, 32), 12, '0')
        || lpad(conv(cast(shiftright(cast(conv(substring({{ hex }}, 31, 3), 16, 10) as bigint), 2) as string), 10, 32), 2, '0'),
        '0123456789ABCDEFGHIJKLMNOPQRSTUV',
        'abcdefghijklmnopqrstuvwxyz234567'
    )
{%- endmacro %}

{% macro regex_like(expression, pattern) %}{{ return(adapter.dispatch('regex_like', 'meshline')(expression, pattern)) }}{% endmacro %}
{% macro default__regex_like(expression, pattern) %}regexp_matches({{ expression }}, {{ pattern }}){% endmacro %}
{% macro spark__regex_like(expression, pattern) %}{{ expression }} rlike {{ pattern }}{% endmacro %}
{% macro postgres__regex_like(expression, pattern) %}{{ expression }} ~ {{ pattern }}{% endmacro %}

{# Whole seconds from one moment to another. #}
{% macro seconds_between(start, finish) %}{{ return(adapter.dispatch('seconds_between', 'meshline')(start, finish)) }}{% endmacro %}
{% macro default__seconds_between(start, finish) %}cast(date_sub('second', {{ start }}, {{ finish }}) as bigint){% endmacro %}
{% macro spark__seconds_between(start, finish) %}(unix_timestamp({{ finish }}) - unix_timestamp({{ start }})){% endmacro %}
{% macro postgres__seconds_between(start, finish) %}cast(floor(extract(epoch from ({{ finish }} - {{ start }}))) as bigint){% endmacro %}

{# A moment some whole hours later; the hours may be a column. #}
{% macro plus_hours(moment, hours) %}{{ return(adapter.dispatch('plus_hours', 'meshline')(moment, hours)) }}{% endmacro %}
{% macro default__plus_hours(moment, hours) %}cast({{ moment }} + to_hours(cast({{ hours }} as integer)) as timestamp){% endmacro %}
{% macro spark__plus_hours(moment, hours) %}({{ moment }} + make_interval(0, 0, 0, 0, {{ hours }}, 0, 0)){% endmacro %}
{% macro postgres__plus_hours(moment, hours) %}({{ moment }} + make_interval(hours => {{ hours }})){% endmacro %}

{# JSON text of one flat object; values are SQL expressions of any scalar type, decimals as strings. #}
{% macro json_object(pairs) %}{{ return(adapter.dispatch('json_object', 'meshline')(pairs)) }}{% endmacro %}
{% macro default__json_object(pairs) -%}
    cast(json_object(
    {%- for name, expression in pairs.items() %}
        '{{ name }}', cast({{ expression }} as varchar){{ "," if not loop.last }}
    {%- endfor %}
    ) as varchar)
{%- endmacro %}
{% macro spark__json_object(pairs) -%}
    to_json(named_struct(
    {%- for name, expression in pairs.items() %}
        '{{ name }}', cast({{ expression }} as string){{ "," if not loop.last }}
    {%- endfor %}
    ))
{%- endmacro %}

{#
    A decimal as the whole number of units of its last place, for DuckDB: 28 digits are rescaled one by one, so what fits
    into 18 takes the short way, which is twenty times as fast.
#}
{% macro in_units(expression, places) -%}
    {%- set factor = 10 ** places %}
    case
        when abs({{ expression }}) < {{ 10 ** (17 - 2 * places) }}
        then cast(cast({{ expression }} as decimal(18, {{ places }})) * {{ factor }} as bigint)
        else cast(cast({{ expression }} as decimal(28, {{ places }})) * {{ factor }} as hugeint)
    end
{%- endmacro %}

{#
    The part of an amount that falls on a part of a quantity, rounded half up to four places: amount x part / whole in
    whole numbers, because dividing a decimal gives a floating-point number. Null where the whole is 0.
    For amounts and quantities that are not negative.
#}
{% macro shared_amount(amount, part, whole) %}{{ return(adapter.dispatch('shared_amount', 'meshline')(amount, part, whole)) }}{% endmacro %}
{% macro default__shared_amount(amount, part, whole) -%}
    cast(
        (
            (2 * {{ in_units(amount, 4) }} * {{ in_units(part, 6) }} + {{ in_units(whole, 6) }})
            // nullif(2 * {{ in_units(whole, 6) }}, 0)
        ) * cast(0.0001 as decimal(5, 4))
        as decimal(18, 4)
    )
{%- endmacro %}
{% macro spark__shared_amount(amount, part, whole) -%}
    cast(cast({{ amount }} as decimal(18, 4)) * cast({{ part }} as decimal(18, 6)) / nullif(cast({{ whole }} as decimal(18, 6)), 0) as decimal(18, 4))
{%- endmacro %}

{# One row per word of a text that is parted by single blanks; stands alone in a select list. #}
{% macro unnest_words(expression) %}{{ return(adapter.dispatch('unnest_words', 'meshline')(expression)) }}{% endmacro %}
{% macro default__unnest_words(expression) %}unnest(string_split({{ expression }}, ' ')){% endmacro %}
{% macro spark__unnest_words(expression) %}explode(split({{ expression }}, ' ')){% endmacro %}
{% macro postgres__unnest_words(expression) %}unnest(string_to_array({{ expression }}, ' ')){% endmacro %}

{# One row per element of a JSON list, each as JSON text; stands alone in a select list. #}
{% macro unnest_json_list(document) %}{{ return(adapter.dispatch('unnest_json_list', 'meshline')(document)) }}{% endmacro %}
{% macro default__unnest_json_list(document) %}unnest(cast(json_extract({{ document }}, '$[*]') as varchar[])){% endmacro %}
{% macro spark__unnest_json_list(document) %}explode(from_json({{ document }}, 'array<string>')){% endmacro %}
{% macro postgres__unnest_json_list(document) %}cast(jsonb_array_elements(cast({{ document }} as jsonb)) as text){% endmacro %}

{# The last second of a day: what is due on a day may still arrive on it. #}
{% macro end_of_day(day) %}{{ return(adapter.dispatch('end_of_day', 'meshline')(day)) }}{% endmacro %}
{% macro default__end_of_day(day) %}cast(cast({{ day }} as timestamp) + to_seconds(86399) as timestamp){% endmacro %}
{% macro spark__end_of_day(day) %}(cast({{ day }} as timestamp) + make_interval(0, 0, 0, 0, 23, 59, 59)){% endmacro %}
{% macro postgres__end_of_day(day) %}(cast({{ day }} as timestamp) + make_interval(secs => 86399)){% endmacro %}

{# One scalar of a flat JSON text by its key, as text; null where it is not there. #}
{% macro json_text(document, key) %}{{ return(adapter.dispatch('json_text', 'meshline')(document, key)) }}{% endmacro %}
{% macro default__json_text(document, key) %}json_extract_string({{ document }}, '$.{{ key }}'){% endmacro %}
{% macro spark__json_text(document, key) %}get_json_object({{ document }}, '$.{{ key }}'){% endmacro %}
{% macro postgres__json_text(document, key) %}(cast({{ document }} as jsonb) ->> '{{ key }}'){% endmacro %}
{# Which part of a whole a count or an amount is, 0 to 1 to six places, rounded half up; null where there is no whole. #}
{% macro rate_of(part, whole) %}{{ return(adapter.dispatch('rate_of', 'meshline')(part, whole)) }}{% endmacro %}
{% macro default__rate_of(part, whole) -%}
    cast(
        ((2000000 * {{ in_units(part, 4) }} + {{ in_units(whole, 4) }}) // nullif(2 * {{ in_units(whole, 4) }}, 0))
        * cast(0.000001 as decimal(7, 6))
        as decimal(9, 6)
    )
{%- endmacro %}
{% macro spark__rate_of(part, whole) -%}
    cast(cast({{ part }} as decimal(18, 4)) / nullif(cast({{ whole }} as decimal(18, 4)), 0) as decimal(9, 6))
{%- endmacro %}

{# The smallest value that a share of all values does not exceed: a value that occurs, never one in between. #}
{% macro percentile_of(expression, share) %}{{ return(adapter.dispatch('percentile_of', 'meshline')(expression, share)) }}{% endmacro %}
{% macro default__percentile_of(expression, share) %}quantile_disc({{ expression }}, {{ share }}){% endmacro %}
{% macro spark__percentile_of(expression, share) %}percentile_disc({{ share }}) within group (order by {{ expression }}){% endmacro %}
{% macro postgres__percentile_of(expression, share) %}percentile_disc({{ share }}) within group (order by {{ expression }}){% endmacro %}

{# The whole part of a division of two whole numbers that are not negative. #}
{% macro whole_part(number, divisor) %}{{ return(adapter.dispatch('whole_part', 'meshline')(number, divisor)) }}{% endmacro %}
{% macro default__whole_part(number, divisor) %}(({{ number }}) // {{ divisor }}){% endmacro %}
{% macro spark__whole_part(number, divisor) %}(({{ number }}) div {{ divisor }}){% endmacro %}
{% macro postgres__whole_part(number, divisor) %}(({{ number }}) / {{ divisor }}){% endmacro %}

{#
    Hours from one moment to another to four places, never below zero: clocks of two systems may disagree. A second is
    25 / 9 of a ten-thousandth of an hour; counted in whole numbers, because a product of wide decimals is rescaled slowly.
#}
{% macro hours_between(start, finish) -%}
    cast(
        {{ whole_part('greatest(' ~ seconds_between(start, finish) ~ ', 0) * 50 + 9', 18) }} * cast(0.0001 as decimal(5, 4))
        as decimal(18, 4)
    )
{%- endmacro %}

{# Whole days from one date to another, negative where the second is the earlier one. #}
{% macro days_between(start, finish) %}{{ return(adapter.dispatch('days_between', 'meshline')(start, finish)) }}{% endmacro %}
{% macro default__days_between(start, finish) %}cast(date_diff('day', {{ start }}, {{ finish }}) as bigint){% endmacro %}
{% macro spark__days_between(start, finish) %}cast(datediff({{ finish }}, {{ start }}) as bigint){% endmacro %}
{% macro postgres__days_between(start, finish) %}cast({{ finish }} - {{ start }} as bigint){% endmacro %}

{# The key of a stored row as text; DuckDB writes a number of 128 bits a thousand times faster in hexadecimal. #}
{% macro row_key_text(row_key) %}{{ return(adapter.dispatch('row_key_text', 'meshline')(row_key)) }}{% endmacro %}
{% macro default__row_key_text(row_key) %}hex({{ row_key }}){% endmacro %}
{% macro spark__row_key_text(row_key) %}cast({{ row_key }} as string){% endmacro %}
{% macro postgres__row_key_text(row_key) %}cast({{ row_key }} as text){% endmacro %}

{# A text as JSON spells it; null is JSON's. #}
{% macro json_string(expression) %}{{ return(adapter.dispatch('json_string', 'meshline')(expression)) }}{% endmacro %}
{% macro default__json_string(expression) %}coalesce(cast(to_json({{ expression }}) as varchar), 'null'){% endmacro %}
{% macro spark__json_string(expression) %}coalesce(substring(to_json(array({{ expression }})), 2, length(to_json(array({{ expression }}))) - 2), 'null'){% endmacro %}
{% macro postgres__json_string(expression) %}coalesce(cast(to_json(cast({{ expression }} as text)) as text), 'null'){% endmacro %}

{# The texts of a group, parted by commas, in a given order. #}
{% macro joined_in_order(expression, order_by) %}{{ return(adapter.dispatch('joined_in_order', 'meshline')(expression, order_by)) }}{% endmacro %}
{% macro default__joined_in_order(expression, order_by) -%}
    {#- A list that is sorted afterwards: an aggregate with an order of its own takes three times as long. -#}
    array_to_string(
        list_transform(list_sort(list({'place': {{ order_by }}, 'document': {{ expression }}})), lambda row: row.document), ','
    )
{%- endmacro %}
{% macro spark__joined_in_order(expression, order_by) %}array_join(transform(array_sort(collect_list(struct({{ order_by }} as place, {{ expression }} as document))), row -> row.document), ','){% endmacro %}

{# A moment (UTC) as a clock of a time zone shows it. #}
{% macro utc_to_local(moment, zone) %}{{ return(adapter.dispatch('utc_to_local', 'meshline')(moment, zone)) }}{% endmacro %}
{% macro default__utc_to_local(moment, zone) %}timezone({{ zone }}, timezone('UTC', {{ moment }})){% endmacro %}
{% macro spark__utc_to_local(moment, zone) %}from_utc_timestamp({{ moment }}, {{ zone }}){% endmacro %}
{% macro postgres__utc_to_local(moment, zone) %}timezone({{ zone }}, timezone('UTC', {{ moment }})){% endmacro %}
