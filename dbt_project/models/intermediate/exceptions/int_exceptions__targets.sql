-- Grain: one row per document that a target holds otherwise than it was sent, lost, or was never sent, and per list that came
-- short.
-- Trap: only what the outbox calls delivered is compared; the rest is told by int_exceptions__outbox. Nothing is missing
-- from a list that is not whole.

with compared as (
    select * from {{ ref('int_target_documents__compared') }}
),

findings as (
    select * from compared
    where is_finding
),

-- Since when a target has said so: each list says it anew, and a ticket is as old as the first.
stated_versions as (
    select
        findings.source,
        findings.stream,
        findings._row_key,
        min(versions.listed_at) as stated_at
    from findings
    inner join {{ ref('int_target_documents__unioned') }} as versions
        on findings.source = versions.source
        and findings.stream = versions.stream
        and findings._row_key = versions._row_key
        and findings._is_deleted = versions._is_deleted
        and coalesce(findings.native_status, '') = coalesce(versions.native_status, '')
        and coalesce(findings.currency_code, '') = coalesce(versions.currency_code, '')
        and coalesce(findings.content_hash, '') = coalesce(versions.content_hash, '')
        and coalesce(cast(findings.held_amount as {{ dbt.type_string() }}), '')
        = coalesce(cast(versions.held_amount as {{ dbt.type_string() }}), '')
    group by findings.source, findings.stream, findings._row_key
),

dated as (
    select
        findings.*,
        stated_versions.stated_at
    from findings
    inner join stated_versions
        on findings.source = stated_versions.source
        and findings.stream = stated_versions.stream
        and findings._row_key = stated_versions._row_key
),

never_sent as (
    select
        'KEY_ORPHAN_RIGHT' as exception_code,
        tenant,
        recon_key,
        target_code,
        target_code || ' ' || external_id as fact_key,
        external_id as native_ref,
        currency_code,
        target_code || ' holds ' || external_id || ' under the key ' || external_key
        || case
            when intent_id is null then ', which was never sent from here.'
            else ', the key of ' || natural_key || ', which is held here and was never sent.'
        end as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        {{ money('abs(coalesce(held_amount, 0))') }} as leak_amount,
        cast(null as decimal(18, 4)) as expected_value_amount,
        held_amount as actual_value_amount,
        stated_at as opened_at
    from dated
    where comparison_code = 'NEVER_SENT'
),

held_twice as (
    select
        case
            when min(artifact_kind) in ('invoice', 'credit_memo', 'seller_invoice') then 'BIL_DUPLICATE'
            else 'KEY_COLLISION'
        end as exception_code,
        min(tenant) as tenant,
        min(recon_key) as recon_key,
        min(target_code) as target_code,
        intent_id as fact_key,
        max(external_id) as native_ref,
        min(sent_currency_code) as currency_code,
        min(target_code) || ' holds ' || min(natural_key) || ' '
        || cast(max(there_count) as {{ dbt.type_string() }}) || ' times: '
        || {{ joined_in_order('external_id', 'external_id') }} || '; on record here is '
        || coalesce(min(receiver_ref), 'none of them') || '. Void all but one there.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        {{ money('abs(coalesce(max(intent_amount), 0)) * (max(there_count) - 1)') }} as leak_amount,
        max(intent_amount) as expected_value_amount,
        {{ money('sum(coalesce(held_amount, intent_amount, 0))') }} as actual_value_amount,
        max(stated_at) as opened_at
    from dated
    where comparison_code = 'HELD_TWICE'
    group by intent_id
),

not_in_force as (
    select
        'ING_SOURCE_DELETED' as exception_code,
        min(tenant) as tenant,
        min(recon_key) as recon_key,
        min(target_code) as target_code,
        intent_id as fact_key,
        min(external_id) as native_ref,
        min(sent_currency_code) as currency_code,
        min(natural_key) || ' was delivered to ' || min(target_code) || ' as ' || min(external_id) || ' and is '
        || min(case when _is_deleted then 'deleted' else native_status end) || ' there; here it is in force.'
            as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        {{ money('abs(coalesce(max(intent_amount), 0))') }} as leak_amount,
        max(intent_amount) as expected_value_amount,
        {{ money('0') }} as actual_value_amount,
        min(stated_at) as opened_at
    from dated
    where comparison_code = 'NOT_IN_FORCE'
    group by intent_id
),

drifted as (
    select
        'ING_RESTATED' as exception_code,
        tenant,
        recon_key,
        target_code,
        intent_id as fact_key,
        external_id as native_ref,
        sent_currency_code as currency_code,
        target_code || ' holds ' || natural_key || ' as ' || external_id
        || case comparison_code
            when 'OTHER_CURRENCY' then ' in ' || currency_code || '; sent was ' || sent_currency_code || '.'
            when 'OTHER_AMOUNT'
            then ' with ' || {{ amount_text('held_amount') }} || ' ' || sent_currency_code || '; sent was '
                || {{ amount_text('intent_amount') }} || '.'
            when 'OTHER_CONTENTS' then ' with other contents than were sent.'
            else '; on record here is ' || receiver_ref || '.'
        end as explanation,
        case
            when comparison_code <> 'OTHER_AMOUNT' then null
            when held_amount > intent_amount then 'owed'
            else 'loss'
        end as leak_kind,
        case comparison_code
            when 'OTHER_CURRENCY' then {{ money('abs(coalesce(intent_amount, 0))') }}
            when 'OTHER_AMOUNT' then {{ money('abs(held_amount - intent_amount)') }}
            else {{ money('0') }}
        end as leak_amount,
        intent_amount as expected_value_amount,
        case when comparison_code <> 'OTHER_CURRENCY' then held_amount end as actual_value_amount,
        stated_at as opened_at
    from dated
    where comparison_code in ('OTHER_CURRENCY', 'OTHER_AMOUNT', 'OTHER_CONTENTS', 'OTHER_ID')
),

listings as (
    select * from {{ ref('int_target_listings__counted') }}
),

-- A document is missing when no row has it, or only rows that later lists leave out.
seen as (
    select
        intent_id,
        max(listed_at) as last_seen_at,
        {{ count_if('is_there or not is_live') }} as told_count
    from compared
    where intent_id is not null
    group by intent_id
),

absent as (
    select
        outbox_documents.intent_id,
        outbox_documents.tenant,
        outbox_documents.recon_key,
        outbox_documents.target_code,
        outbox_documents.natural_key,
        outbox_documents.external_key,
        outbox_documents.receiver_ref,
        outbox_documents.currency_code,
        outbox_documents.intent_amount,
        outbox_documents.occurred_at as delivered_at,
        seen.last_seen_at
    from {{ ref('int_outbox_documents') }} as outbox_documents
    inner join listings as last_listings
        on outbox_documents.target_code = last_listings.target_code
        and last_listings.is_last_complete
    left join seen
        on outbox_documents.intent_id = seen.intent_id
    where outbox_documents.is_newest_delivered
        and coalesce(seen.told_count, 0) = 0
        and {{ plus_hours('outbox_documents.occurred_at', 'last_listings.grace_hours') }} <= last_listings.listed_at
),

missing as (
    select
        'SYS_WRITE_UNKNOWN' as exception_code,
        absent.tenant,
        absent.recon_key,
        absent.target_code,
        absent.intent_id as fact_key,
        absent.natural_key as native_ref,
        absent.currency_code,
        absent.target_code || ' has acknowledged it'
        || coalesce(' as ' || absent.receiver_ref, '') || ' and lists it '
        || case when absent.last_seen_at is null then 'not' else 'no more' end || ', under the key '
        || absent.external_key || '.' as explanation,
        'loss' as leak_kind,
        {{ money('abs(coalesce(absent.intent_amount, 0))') }} as leak_amount,
        absent.intent_amount as expected_value_amount,
        {{ money('0') }} as actual_value_amount,
        min(listings.listed_at) as opened_at
    from absent
    inner join listings
        on absent.target_code = listings.target_code
        and listings.is_complete
        and {{ plus_hours('absent.delivered_at', 'listings.grace_hours') }} <= listings.listed_at
        and (absent.last_seen_at is null or absent.last_seen_at < listings.listed_at)
    group by
        absent.tenant, absent.recon_key, absent.target_code, absent.intent_id, absent.natural_key,
        absent.external_key, absent.receiver_ref, absent.currency_code, absent.intent_amount, absent.last_seen_at
),

short_lists as (
    select
        'ING_FILE_INCOMPLETE' as exception_code,
        '*' as tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        target_code,
        'targets.documents ' || target_code || ' ' || cast(listed_at as {{ dbt.type_string() }}) as fact_key,
        'targets.documents ' || target_code as native_ref,
        '' as currency_code,
        'The list of ' || target_code || ' of ' || cast(listed_at as {{ dbt.type_string() }}) || ' declares '
        || cast(declared_document_count as {{ dbt.type_string() }}) || ' documents and has '
        || cast(listed_document_count as {{ dbt.type_string() }})
        || ': what it lacks is not counted as missing.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        {{ money('0') }} as leak_amount,
        cast(null as decimal(18, 4)) as expected_value_amount,
        cast(null as decimal(18, 4)) as actual_value_amount,
        listed_at as opened_at
    from listings
    where is_last
        and not is_complete
),

found as (
    select * from never_sent
    union all
    select * from held_twice
    union all
    select * from not_in_force
    union all
    select * from drifted
    union all
    select * from missing
    union all
    select * from short_lists
),

final as (
    select
        ---------- keys
        exception_code,
        '' as leg_code,
        tenant,
        recon_key,
        '' as line_key,
        fact_key,
        native_ref,
        target_code as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        coalesce(currency_code, '') as currency_code,
        explanation,
        leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        expected_value_amount,
        actual_value_amount,

        ---------- timestamps
        least(opened_at, {{ as_of() }}) as opened_at
    from found
)

select * from final
