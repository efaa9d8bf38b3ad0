{# Provenance that every staged row carries; it stops at the intermediate layer. #}
{% macro provenance() -%}
    _key_hash as _row_key,
        _row_version,
        _load_seq,
        _line,
        _business_on,
        _is_deleted,
        _observed_at
{%- endmacro %}

{# The staging models of one entity, from every source that is configured to have it (var entity_sources). #}
{% macro union_sources(entity) -%}
    {%- for source_name in var('entity_sources')[entity] %}
    select * from {{ ref('stg_' ~ source_name ~ '__' ~ entity) }}
    {%- if not loop.last %}
    union all{% endif %}
    {%- endfor %}
{%- endmacro %}

{#
    The latest stored version of each row of a CTE: the one place where rows are de-duplicated.
    Gives the CTEs restated_keys, ranked_versions and latest_rows. Only keys that have a second
    version at all are sorted: the loader numbers versions, so all others are the latest already.
    Version order: the source's own stamp, then the business date of the file, then arrival.
#}
{% macro latest_rows(relation) -%}
    restated_keys as (
        -- distinct: a key with three versions is named twice
        select distinct
            source,
            stream,
            _row_key
        from {{ relation }}
        where _row_version > 1
    ),

    ranked_versions as (
        select
            {{ relation }}.source,
            {{ relation }}.stream,
            {{ relation }}._row_key,
            {{ relation }}._row_version,
            row_number() over (
                partition by {{ relation }}.source, {{ relation }}.stream, {{ relation }}._row_key
                order by
                    {{ relation }}.updated_at desc nulls last,
                    {{ relation }}._business_on desc nulls last,
                    {{ relation }}._row_version desc
            ) as recency
        from {{ relation }}
        inner join restated_keys
            on {{ relation }}.source = restated_keys.source
            and {{ relation }}.stream = restated_keys.stream
            and {{ relation }}._row_key = restated_keys._row_key
    ),

    latest_rows as (
        select {{ relation }}.*
        from {{ relation }}
        left join ranked_versions
            on {{ relation }}.source = ranked_versions.source
            and {{ relation }}.stream = ranked_versions.stream
            and {{ relation }}._row_key = ranked_versions._row_key
            and {{ relation }}._row_version = ranked_versions._row_version
        where ranked_versions.recency is null
            or ranked_versions.recency = 1
    )
{%- endmacro %}
