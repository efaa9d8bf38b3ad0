-- Grain: one row per native order document (an amendment is a document of its own), first stored version.
-- Trap: two documents may have one normalised id: is_first_of_id tells which one keeps it.

{{ config(materialized='view') }}

with first_rows as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        order_id,
        order_type,
        channel,
        amends_order_id,
        _row_key,
        _load_seq,
        _line,
        _observed_at
    from {{ ref('int_orders__unioned') }}
    where _row_version = 1
),

id_rules as (
    select * from {{ ref('int_id_rules__by_system') }}
),

normalised as (
    select
        first_rows.source,
        first_rows.stream,
        first_rows.tenant,
        first_rows.source_system,
        first_rows.source_instance,
        {{ normalised_id('first_rows.order_id', 'id_rules') }} as order_ref,
        {{ normalised_id('first_rows.amends_order_id', 'id_rules') }} as amends_order_ref,
        first_rows.order_id as native_order_id,
        coalesce(first_rows.channel, '') as channel,
        first_rows.order_type = 'amendment' as is_amendment,
        {{ is_damaged_id('first_rows.order_id', 'id_rules') }} as is_damaged,
        first_rows._row_key,
        first_rows._load_seq,
        first_rows._line,
        first_rows._observed_at
    from first_rows
    inner join id_rules
        on first_rows.source_system = id_rules.source_system
),

ids_with_several_documents as (
    select
        tenant,
        source_system,
        source_instance,
        order_ref,
        min(_load_seq) as first_load_seq
    from normalised
    group by tenant, source_system, source_instance, order_ref
    having count(*) > 1
),

colliding_ranked as (
    select
        normalised._row_key,
        row_number() over (
            partition by
                normalised.tenant, normalised.source_system, normalised.source_instance, normalised.order_ref
            order by
                normalised._load_seq nulls last,
                normalised._line nulls last,
                normalised.native_order_id nulls last
        ) as arrival_rank
    from normalised
    inner join ids_with_several_documents
        on normalised.tenant = ids_with_several_documents.tenant
        and normalised.source_system = ids_with_several_documents.source_system
        and normalised.source_instance = ids_with_several_documents.source_instance
        and normalised.order_ref = ids_with_several_documents.order_ref
),

final as (
    select
        normalised.source,
        normalised.stream,
        normalised.tenant,
        normalised.source_system,
        normalised.source_instance,
        normalised.order_ref,
        normalised.amends_order_ref,
        normalised.native_order_id,
        normalised.channel,
        normalised.is_amendment,
        normalised.is_damaged,
        coalesce(colliding_ranked.arrival_rank, 1) = 1 as is_first_of_id,
        normalised._row_key,
        normalised._load_seq,
        normalised._line,
        normalised._observed_at
    from normalised
    left join colliding_ranked
        on normalised._row_key = colliding_ranked._row_key
)

select * from final
