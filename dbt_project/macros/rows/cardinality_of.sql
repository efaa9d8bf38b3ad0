{# How many members a group has on either side: 1:1, 1:n, n:1, n:m, and 0 for a side that has none. #}
{% macro cardinality_of(expectation_count, evidence_count) -%}
    case
        when {{ expectation_count }} > 1 and {{ evidence_count }} > 1 then 'n:m'
        else
            case {{ expectation_count }} when 0 then '0' when 1 then '1' else 'n' end
            || ':'
            || case {{ evidence_count }} when 0 then '0' when 1 then '1' else 'n' end
    end
{%- endmacro %}
