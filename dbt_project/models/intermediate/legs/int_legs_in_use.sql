-- Grain: one row per (leg_code, tenant) that is reconciled: its feed is known to exist.
-- Trap: a leg without a row expects nothing of that tenant: a feed never seen is not a feed that is complete.

with legs as (
    select
        leg_code,
        feed_stream,
        usage_code
    from {{ ref('legs') }}
),

-- distinct: a feed has many rows
feeds_of_tenants as (
    {%- for entity in var('feed_streams') %}
    select distinct
        '{{ entity }}' as feed_stream,
        tenant
    from {{ ref('int_' ~ entity ~ '__unioned') }}
    union all
    {%- endfor %}
    select distinct
        declared_stream as feed_stream,
        tenant
    from {{ ref('int_completeness__latest') }}
),

feeds_seen as (
    select
        feed_stream,
        tenant
    from feeds_of_tenants
    group by feed_stream, tenant
),

-- union, not union all: each tenant once
tenants as (
    select tenant from {{ ref('int_orders__unioned') }}
    union
    select tenant from feeds_seen
),

tenants_with_evidence as (
    -- distinct: a tenant has several feeds
    select distinct feeds_seen.tenant
    from feeds_seen
    inner join legs
        on feeds_seen.feed_stream = legs.feed_stream
),

final as (
    select
        legs.leg_code,
        tenants.tenant
    from legs
    cross join tenants
    left join feeds_seen
        on legs.feed_stream = feeds_seen.feed_stream
        and tenants.tenant = feeds_seen.tenant
    left join tenants_with_evidence
        on tenants.tenant = tenants_with_evidence.tenant
    where legs.usage_code = 'always'
        or feeds_seen.tenant is not null
        or (legs.usage_code = 'when_fed_or_alone' and tenants_with_evidence.tenant is null)
)

select * from final
