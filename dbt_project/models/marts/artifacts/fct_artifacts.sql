-- Grain: one row per artifact version: a document that a downstream system should hold, and those that it replaced.
-- Trap: amounts of versions are differences, so sum ready and delivered ones, never superseded ones.

{%- set before = stored_relation('marts', 'fct_artifacts') %}

with artifacts as (
    select
        artifacts.*,
        delivered.natural_key is not null as is_delivered
    from {{ ref('int_artifacts') }} as artifacts
    left join {{ ref('int_delivered_artifacts') }} as delivered
        on artifacts.natural_key = delivered.natural_key
        and artifacts.content_hash = delivered.content_hash
),

{%- if before %}

-- What the last run built and this one does not: another content under the same natural key, or nothing any more.
replaced as (
    select before.*
    from {{ before }} as before
    left join artifacts
        on before.artifact_id = artifacts.artifact_id
    where artifacts.artifact_id is null
),

versions_before as (
    select
        natural_key,
        max(artifact_version) as artifact_version,
        max_by(content_hash, artifact_version) as content_hash
    from {{ before }}
    group by natural_key
),
{%- endif %}

final as (
    select
        ---------- keys
        artifacts.artifact_id,
        artifacts.artifact_kind,
        artifacts.recon_key,
        artifacts.tenant,
        artifacts.natural_key,
        artifacts.order_key,
        artifacts.order_version,
        {%- if before %}
        cast(case
            when versions_before.natural_key is null then 1
            when versions_before.content_hash = artifacts.content_hash then versions_before.artifact_version
            else versions_before.artifact_version + 1
        end as bigint) as artifact_version,
        {%- else %}
        cast(1 as bigint) as artifact_version,
        {%- endif %}
        artifacts.rule_id,
        cast(artifacts.rule_version as {{ dbt.type_string() }}) as rule_version,
        artifacts.target_code,

        ---------- strings
        artifacts.content_hash,
        artifacts.currency_code,
        case
            when artifacts.is_delivered then 'delivered'
            when artifacts.hold_code is null then 'ready'
            else 'held'
        end as status_code,
        case
            when artifacts.is_delivered then null
            when artifacts.hold_code = 'GATE' then 'Gate ' || artifacts.held_by || ' fails and is not waived.'
            when artifacts.hold_code = 'ORDER_CANCELLED' then 'The order is cancelled.'
            when artifacts.hold_code = 'EXCEPTION' then 'Exception ' || artifacts.held_by || ' is open.'
            when artifacts.hold_code = 'NOT_RECONCILED' then 'The order is not reconciled yet.'
            when artifacts.hold_code = 'PERIOD_OPEN' then 'The month is not over yet.'
        end as hold_reason,
        artifacts.payload,

        ---------- numerics
        artifacts.artifact_amount as amount,

        ---------- booleans
        artifacts.is_provisional
    from artifacts
    {%- if before %}
    left join versions_before
        on artifacts.natural_key = versions_before.natural_key
    union all
    select
        replaced.artifact_id,
        replaced.artifact_kind,
        replaced.recon_key,
        replaced.tenant,
        replaced.natural_key,
        replaced.order_key,
        replaced.order_version,
        replaced.artifact_version,
        replaced.rule_id,
        replaced.rule_version,
        replaced.target_code,
        replaced.content_hash,
        replaced.currency_code,
        'superseded' as status_code,
        cast(null as {{ dbt.type_string() }}) as hold_reason,
        replaced.payload,
        replaced.amount,
        replaced.is_provisional
    from replaced
    {%- endif %}
)

select * from final
