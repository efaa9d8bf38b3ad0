-- Grain: one row per document that a receiver refused, that is parked or of unknown outcome, and per order that waits for
-- a receiver that is away.
-- Trap: known since the run that took the ledger's events over. Nothing is wrong with such an order, so these hold no document
-- back; those of one outage are one incident, whose cause is the ledger's incident.

with outbox_documents as (
    select * from {{ ref('int_outbox_documents') }}
    where is_newest
),

-- A receiver is away from the event that says so to the one that says that it is back.
outages as (
    select
        subject_id as outage_id,
        max({{ json_text('payload', 'target_code') }}) as target_code,
        min(reason) as failure,
        min(occurred_at) as began_at
    from {{ ref('stg_ledger__events') }}
    where subject_type = 'incident'
    group by subject_id
    having max(case when action_code = 'external_system_recovered' then 1 else 0 end) = 0
),

current_intents as (
    select
        outbox_documents.*,
        outages.outage_id,
        outages.failure,
        outages.began_at
    from outbox_documents
    left join outages
        on outbox_documents.target_code = outages.target_code
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
