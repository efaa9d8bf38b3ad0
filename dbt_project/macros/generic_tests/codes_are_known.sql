{# Every code of a column stands in a seed: a taxonomy is data, and nothing outside it may appear. #}
{% test codes_are_known(model, column_name, seed, code_column, subject=none) %}
select distinct model_rows.{{ column_name }} as unknown_code
from {{ model }} as model_rows
left join {{ ref(seed) }} as codes
    on model_rows.{{ column_name }} = codes.{{ code_column }}
    {%- if subject %}
    and codes.subject_type = '{{ subject }}'
    {%- endif %}
where codes.{{ code_column }} is null
    and model_rows.{{ column_name }} is not null
{% endtest %}
