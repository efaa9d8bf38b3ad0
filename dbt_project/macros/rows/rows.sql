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
    The window of a row's versions, `first` the oldest or the newest of them; for row_number() and lag(). Their order is
    the source's own stamp, then the business date of the file, then arrival; what has no stamp is older than what has.
#}
{% macro versions_of(relation, first, within=[]) -%}
    (
        partition by {{ relation }}.source, {{ relation }}.stream, {{ relation }}._row_key
        {%- for key in within %}, {{ key }}{% endfor %}
        {%- if first == 'newest' %}
        order by
            {{ relation }}.updated_at desc nulls last,
            {{ relation }}._business_on desc nulls last,
            {{ relation }}._row_version desc nulls last
        {%- else %}
        order by
            {{ relation }}.updated_at asc nulls first,
            {{ relation }}._business_on asc nulls first,
            {{ relation }}._row_version asc nulls first
        {%- endif %}
    )
{%- endmacro %}

{#
    The latest stored version of each row of a relation: the one place where rows are de-duplicated.
    Gives the CTEs restated_keys, ranked_versions, older_versions and latest_rows. The relation is named
    each time instead of being read into a CTE first, which an engine may store in full. Only keys that have a second
    version at all are sorted: the loader numbers versions, so all others are the latest already.
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
            stored.source,
            stored.stream,
            stored._row_key,
            stored._row_version,
            row_number() over {{ versions_of('stored', 'newest') }} as recency
        from {{ relation }} as stored
        inner join restated_keys
            on stored.source = restated_keys.source
            and stored.stream = restated_keys.stream
            and stored._row_key = restated_keys._row_key
    ),

    older_versions as (
        select
            source,
            stream,
            _row_key,
            _row_version
        from ranked_versions
        where recency > 1
    ),

    latest_rows as (
        select stored.*
        from {{ relation }} as stored
        left join older_versions
            on stored.source = older_versions.source
            and stored.stream = older_versions.stream
            and stored._row_key = older_versions._row_key
            and stored._row_version = older_versions._row_version
        where older_versions._row_key is null
    )
{%- endmacro %}
