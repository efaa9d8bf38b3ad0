{#
    Tables and views are replaced by one statement instead of being made under another name and renamed twice: a run makes
    about 250 of them, and each further statement costs more than most of the models themselves. DuckDB replaces in a
    transaction, so whoever reads has the old one or the new one, and a run that is killed leaves the old one.

    Left out, since no model of ours has them: indexes, foreign keys, grants, partitions, models in Python.
    An engine other than DuckDB takes the materializations of its own adapter.
#}
{% materialization table, adapter="duckdb" %}
    {{ return(replaced('table')) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
    {{ return(replaced('view')) }}
{% endmaterialization %}

{% macro replaced(type) %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set relation = this.incorporate(type=type) -%}
    {%- set contract = config.get('contract') -%}
    {{ run_hooks(pre_hooks) }}
    {% if existing is not none and existing.type != type %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
    {% if contract.enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {% endif %}
    {#- A model that reads what an earlier run left of itself is computed before its table is emptied. #}
    {%- set reads_itself = relation | string in sql -%}
    {%- set rows = this.identifier ~ '__rows' -%}
    {% call statement('main') -%}
        {%- if contract.enforced and type == 'table' and reads_itself %}
        create or replace temporary table {{ rows }} as (
        {{ get_select_subquery(sql) }}
        );
        {%- endif %}
        create or replace {{ type }} {{ relation }}
        {%- if contract.enforced and type == 'table' %}
        {{ get_table_columns_and_constraints() }};
        insert into {{ relation }} {{ get_column_names() }} (
        {%- if reads_itself %}
        select * from {{ rows }}
        {%- else %}
        {{ get_select_subquery(sql) }}
        {%- endif %}
        )
        {%- else %} as (
        {{ sql }}
        )
        {%- endif %}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do persist_docs(relation, model) %}
    {{ adapter.commit() }}
    {{ return({'relations': [relation]}) }}
{% endmacro %}
