{#
    An identifier as it is looked for in free text: letters as capitals, and no sign between them. A bank
    writes the same number with and without its hyphens.
#}
{% macro id_word(expression) -%}
    translate({{ capitals(expression) }}, ' -_./:,;#|=+()[]*&', '')
{%- endmacro %}

{# ASCII letters as capitals; what upper() makes of others depends on the engine. #}
{% macro capitals(expression) -%}
    translate(trim({{ expression }}), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
{%- endmacro %}

{#
    The words of a free text that may be an identifier, parted by blanks: the whole text, its words with the
    hyphens and stops inside them left out, and the parts that these stand between.
#}
{% macro words_of(expression) -%}
    {{ id_word(expression) }} || ' '
    || translate(translate({{ capitals(expression) }}, '/:,;#|=+()[]*&', '              '), '-_.', '') || ' '
    || translate({{ capitals(expression) }}, '-_./:,;#|=+()[]*&', '                 ')
{%- endmacro %}
