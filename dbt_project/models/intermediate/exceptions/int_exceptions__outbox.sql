-- Grain: one row per document that a receiver refused, that is parked or of unknown outcome, and per order that waits for
-- a receiver that is away.
-- Trap: known since the run that took the ledger's events over. Nothing is wrong with such an order, so these hold no document
-- back; those of one outage are one incident, whose cause is the ledger's incident.

with ledger_events as (
    select * from {{ ref('stg_ledger__events') }}
    where subject_type in ('intent', 'incident')
),

described as (
    select
        subject_id as intent_id,
        recon_key,
        event_seq,
        {{ json_text('payload', 'target_code') }} as target_code,
        {{ json_text('payload', 'natural_key') }} as natural_key,
        cast({{ json_text('payload', 'artifact_version') }} as integer) as artifact_version,
        cast({{ json_text('payload', 'amount') }} as decimal(18, 4)) as intent_amount,
        {{ json_text('payload', 'currency_code') }} as currency_code
    from ledger_events
    where action_code in ('intent_released', 'intent_held')
        and {{ json_text('payload', 'natural_key') }} is not null
),

intents as (
    select
        intent_id,
        max(recon_key) as recon_key,
        max(target_code) as target_code,
        max(natural_key) as natural_key,
        max(artifact_version) as artifact_version,
        max(intent_amount) as intent_amount,
        max(currency_code) as currency_code
    from described
    group by intent_id
),

-- What a later version took the place of concerns nobody any more.
versions as (
    select
        target_code,
        natural_key,
        max(artifact_version) as artifact_version
    from intents
    group by target_code, natural_key
),

ranked as (
    select
        subject_id as intent_id,
        action_code,
        reason,
        occurred_at,
        row_number() over (partition by subject_id order by event_seq desc nulls last) as recency
    from ledger_events
    where subject_type = 'intent'
),

-- A receiver is away from the event that says so to the one that says that it is back.
outages as (
    select
        subject_id as outage_id,
        max({{ json_text('payload', 'target_code') }}) as target_code,
        min(reason) as failure,
        min(occurred_at) as began_at
    from ledger_events
    where subject_type = 'incident'
    group by subject_id
    having max(case when action_code = 'external_system_recovered' then 1 else 0 end) = 0
),

current_intents as (
    select
        intents.*,
        ranked.action_code,
        ranked.reason,
        ranked.occurred_at,
        outages.outage_id,
        outages.failure,
        outages.began_at,
        orders.order_id,
        orders.source_system,
        coalesce(orders.tenant, substring(intents.natural_key, 1, strpos(intents.natural_key, '/') - 1)) as tenant
    from intents
    inner join ranked
        on intents.intent_id = ranked.intent_id
        and ranked.recency = 1
    inner join versions
        on intents.target_code = versions.target_code
        and intents.natural_key = versions.natural_key
        and intents.artifact_version = versions.artifact_version
    left join outages
        on intents.target_code = outages.target_code
    left join {{ ref('int_orders') }} as orders
        on intents.recon_key = orders.recon_key
),

away as (
    select
        'SYS_EXTERNAL_FAILURE' as exception_code,
        tenant,
        recon_key,
        case when recon_key is null then natural_key else '' end as line_key,
        outage_id as fact_key,
        max(coalesce(order_id, natural_key)) as native_ref,
        max(source_system) as source_system,
        max(currency_code) as currency_code,
        cast(count(*) as {{ dbt.type_string() }}) || ' documents wait for ' || min(target_code) || ': ' || min(failure)
            as explanation,
        outage_id as incident_cause,
        {{ money('0') }} as leak_amount,
        {{ money('sum(coalesce(intent_amount, 0))') }} as expected_value_amount,
        {{ money('0') }} as actual_value_amount,
        min(began_at) as opened_at
    from current_intents
    where outage_id is not null
        and action_code in ('intent_released', 'intent_resumed', 'intent_reopened', 'intent_unknown')
    group by tenant, recon_key, case when recon_key is null then natural_key else '' end, outage_id
),

stuck as (
    select
        case when action_code = 'intent_unknown' then 'SYS_WRITE_UNKNOWN' else 'SYS_PARKED' end as exception_code,
        tenant,
        recon_key,
        '' as line_key,
        intent_id as fact_key,
        natural_key as native_ref,
        source_system,
        currency_code,
        case action_code
            when 'intent_refused' then target_code || ' refused it: '
            when 'intent_unknown' then 'What ' || target_code || ' made of it is not known: '
            else 'It is parked for ' || target_code || ': '
        end || case when reason = '' then 'no reason given.' else reason end as explanation,
        cast(null as {{ dbt.type_string() }}) as incident_cause,
        case
            when action_code = 'intent_unknown' then abs(coalesce(intent_amount, {{ money('0') }}))
            else {{ money('0') }}
        end as leak_amount,
        intent_amount as expected_value_amount,
        cast(null as decimal(18, 4)) as actual_value_amount,
        occurred_at as opened_at
    from current_intents
    where action_code in ('intent_refused', 'intent_parked')
        or (action_code = 'intent_unknown' and outage_id is null)
),

found as (
    select * from away
    union all
    select * from stuck
),

final as (
    select
        ---------- keys
        exception_code,
        '' as leg_code,
        tenant,
        recon_key,
        line_key,
        fact_key,
        native_ref,
        coalesce(source_system, '') as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        coalesce(currency_code, '') as currency_code,
        explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        incident_cause,

        ---------- numerics
        leak_amount,
        expected_value_amount,
        actual_value_amount,

        ---------- timestamps
        least(opened_at, {{ as_of() }}) as opened_at
    from found
)

select * from final
