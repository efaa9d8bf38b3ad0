-- Grain: one row per document at a target as it was last listed, also a deleted one, beside what was sent under its key.
-- Trap: what no list names any more is still here, with is_there false; a document that no row names is not here at all.

with {{ latest_rows(ref('int_target_documents__unioned')) }},

target_statuses as (
    select * from {{ ref('target_statuses') }}
),

whole_lists as (
    select
        target_code,
        listed_at
    from {{ ref('int_target_listings__counted') }}
    where is_last_complete
),

outbox_documents as (
    select * from {{ ref('int_outbox_documents') }}
),

-- What was there before this ledger began bears another key, and is recognised by its id and contents.
adopted_documents as (
    select
        target_code,
        receiver_ref,
        content_hash,
        min(intent_id) as intent_id
    from outbox_documents
    where is_adopted
    group by target_code, receiver_ref, content_hash
),

listed as (
    select
        latest_rows.*,
        not latest_rows._is_deleted and coalesce(target_statuses.is_live, true) as is_live,
        whole_lists.listed_at is null or latest_rows.listed_at >= whole_lists.listed_at as is_current
    from latest_rows
    left join target_statuses
        on latest_rows.native_status = target_statuses.status_code
    left join whole_lists
        on latest_rows.target_code = whole_lists.target_code
),

keyed as (
    select
        listed.*,
        listed.is_live and listed.is_current as is_there,
        coalesce(by_key.intent_id, adopted_documents.intent_id) as intent_id
    from listed
    left join outbox_documents as by_key
        on listed.target_code = by_key.target_code
        and listed.external_key = by_key.external_key
    left join adopted_documents
        on listed.target_code = adopted_documents.target_code
        and listed.external_id = adopted_documents.receiver_ref
        and listed.content_hash = adopted_documents.content_hash
),

counted as (
    select
        intent_id,
        {{ count_if('is_there') }} as there_count
    from keyed
    where intent_id is not null
    group by intent_id
),

compared as (
    select
        keyed.*,
        coalesce(counted.there_count, 0) as there_count,
        outbox_documents.recon_key,
        outbox_documents.natural_key,
        outbox_documents.artifact_kind,
        outbox_documents.receiver_ref,
        outbox_documents.intent_amount,
        outbox_documents.currency_code as sent_currency_code,
        outbox_documents.content_hash as sent_content_hash,
        outbox_documents.action_code,
        outbox_documents.tenant as sent_tenant,
        coalesce(outbox_documents.is_released, false) as is_released,
        coalesce(outbox_documents.is_delivered, false) as is_delivered,
        coalesce(outbox_documents.is_newest_delivered, false) as is_newest_delivered
    from keyed
    left join counted
        on keyed.intent_id = counted.intent_id
    left join outbox_documents
        on keyed.intent_id = outbox_documents.intent_id
),

-- The first that holds, in the order in which one fact finds its one class: key, twice, gone, currency, amount, contents.
found as (
    select
        compared.*,
        case
            when external_key is null and intent_id is null then 'NOT_SENT_HERE'
            when not is_current and is_live then 'NOT_LISTED_ANY_MORE'
            when intent_id is null or not is_released then case when is_live then 'NEVER_SENT' else 'VOID_THERE' end
            when action_code in ('intent_parked', 'intent_refused', 'intent_unknown') then 'IN_OUTBOX'
            when not is_delivered then 'ON_ITS_WAY'
            when not is_newest_delivered then 'OLDER_VERSION'
            when not is_live then case when there_count > 0 then 'VOID_THERE' else 'NOT_IN_FORCE' end
            when there_count > 1 then 'HELD_TWICE'
            when currency_code <> sent_currency_code then 'OTHER_CURRENCY'
            when held_amount <> intent_amount then 'OTHER_AMOUNT'
            when lower(content_hash) <> sent_content_hash then 'OTHER_CONTENTS'
            when external_id <> receiver_ref then 'OTHER_ID'
            else 'SAME'
        end as comparison_code
    from compared
),

final as (
    select
        ---------- keys
        source,
        stream,
        _row_key,
        coalesce(sent_tenant, tenant) as tenant,
        target_code,
        external_id,
        external_key,
        intent_id,
        recon_key,
        natural_key,
        receiver_ref,

        ---------- strings
        comparison_code,
        artifact_kind,
        native_status,
        currency_code,
        sent_currency_code,
        content_hash,

        ---------- numerics
        there_count,
        held_amount,
        intent_amount,

        ---------- booleans
        _is_deleted,
        is_released,
        is_there,
        is_live,
        comparison_code in (
            'NEVER_SENT', 'NOT_IN_FORCE', 'HELD_TWICE', 'OTHER_CURRENCY', 'OTHER_AMOUNT', 'OTHER_CONTENTS', 'OTHER_ID'
        ) as is_finding,

        ---------- timestamps
        listed_at
    from found
)

select * from final
