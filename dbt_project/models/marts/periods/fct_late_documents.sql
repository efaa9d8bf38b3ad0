-- Grain: one row per (tenant, source, stream, native_id, period_code, currency_code): a document that came, changed or went
-- after the month that it belongs to was closed.
-- Trap: the month's report is not changed by it: it is booked with the day on which it became known.

with documents as (
    select * from {{ ref('int_period_documents') }}
    where is_closed
        and (late_amount <> 0 or is_there_now <> was_there_at_close)
),

newest_versions as (
    select
        versions.source,
        versions.stream,
        versions._row_key,
        max(versions._observed_at) as known_from
    from {{ ref('int_stage_documents') }} as versions
    inner join documents
        on versions.source = documents.source
        and versions.stream = documents.stream
        and versions._row_key = documents._row_key
    group by versions.source, versions.stream, versions._row_key
),

final as (
    select
        ---------- keys
        documents.tenant,
        documents.source,
        documents.stream,
        documents.native_id,
        documents.recon_key,
        documents.period_code,
        documents.stage_code,
        documents.currency_code,

        ---------- strings
        case
            when not documents.was_there_at_close then 'new'
            when not documents.is_there_now then 'gone'
            else 'changed'
        end as change_kind,

        ---------- numerics
        documents.amount_at_close,
        documents.amount_now,
        documents.late_amount,

        ---------- dates
        documents.booked_on,

        ---------- timestamps
        documents.closed_at,
        newest_versions.known_from
    from documents
    inner join newest_versions
        on documents.source = newest_versions.source
        and documents.stream = newest_versions.stream
        and documents._row_key = newest_versions._row_key
)

select * from final
