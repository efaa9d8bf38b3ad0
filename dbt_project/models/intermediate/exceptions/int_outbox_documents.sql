-- Grain: one row per document of the outbox: one version of a document for one target.
-- Trap: known since the run that took the ledger's events over; action_code is the last that was said of it.

with ledger_events as (
    select * from {{ ref('stg_ledger__events') }}
    where subject_type = 'intent'
),

described as (
    select
        subject_id as intent_id,
        recon_key,
        action_code,
        {{ json_text('payload', 'target_code') }} as target_code,
        {{ json_text('payload', 'artifact_kind') }} as artifact_kind,
        {{ json_text('payload', 'natural_key') }} as natural_key,
        cast({{ json_text('payload', 'artifact_version') }} as integer) as artifact_version,
        cast({{ json_text('payload', 'amount') }} as decimal(18, 4)) as intent_amount,
        {{ json_text('payload', 'currency_code') }} as currency_code,
        {{ json_text('payload', 'payload_hash') }} as content_hash
    from ledger_events
    where action_code in ('intent_released', 'intent_held')
        and {{ json_text('payload', 'natural_key') }} is not null
),

intents as (
    select
        intent_id,
        max(recon_key) as recon_key,
        max(target_code) as target_code,
        max(artifact_kind) as artifact_kind,
        max(natural_key) as natural_key,
        max(artifact_version) as artifact_version,
        max(intent_amount) as intent_amount,
        max(currency_code) as currency_code,
        max(content_hash) as content_hash,
        {{ count_if("action_code = 'intent_released'") }} as release_count
    from described
    group by intent_id
),

ranked as (
    select
        subject_id as intent_id,
        action_code,
        reason,
        payload,
        occurred_at,
        row_number() over (partition by subject_id order by event_seq desc nulls last) as recency
    from ledger_events
),

current_intents as (
    select
        intents.*,
        ranked.action_code,
        ranked.reason,
        ranked.occurred_at,
        ranked.action_code in ('intent_delivered', 'intent_found_delivered') as is_delivered,
        {{ json_text('ranked.payload', 'receiver_ref') }} as receiver_ref,
        coalesce({{ json_text('ranked.payload', 'finding') }}, '') as finding_code
    from intents
    inner join ranked
        on intents.intent_id = ranked.intent_id
        and ranked.recency = 1
),

-- What a later version took the place of concerns nobody any more.
versions as (
    select
        target_code,
        natural_key,
        max(artifact_version) as newest_version,
        max(case when is_delivered then artifact_version end) as newest_delivered_version
    from current_intents
    group by target_code, natural_key
),

final as (
    select
        ---------- keys
        current_intents.intent_id,
        current_intents.recon_key,
        current_intents.target_code,
        current_intents.natural_key,
        {{ idempotency_key(
            'current_intents.artifact_kind', 'current_intents.natural_key', 'current_intents.artifact_version',
            'current_intents.target_code',
        ) }} as external_key,
        current_intents.receiver_ref,
        orders.order_id,
        orders.source_system,
        coalesce(
            orders.tenant, substring(current_intents.natural_key, 1, strpos(current_intents.natural_key, '/') - 1)
        ) as tenant,

        ---------- strings
        current_intents.artifact_kind,
        current_intents.action_code,
        current_intents.reason,
        current_intents.currency_code,
        current_intents.content_hash,

        ---------- numerics
        current_intents.artifact_version,
        current_intents.intent_amount,

        ---------- booleans
        current_intents.release_count > 0 as is_released,
        current_intents.is_delivered,
        current_intents.is_delivered and current_intents.finding_code = 'adopted' as is_adopted,
        current_intents.artifact_version = versions.newest_version as is_newest,
        current_intents.is_delivered
        and current_intents.artifact_version = versions.newest_delivered_version as is_newest_delivered,

        ---------- timestamps
        current_intents.occurred_at
    from current_intents
    inner join versions
        on current_intents.target_code = versions.target_code
        and current_intents.natural_key = versions.natural_key
    left join {{ ref('int_orders') }} as orders
        on current_intents.recon_key = orders.recon_key
)

select * from final
