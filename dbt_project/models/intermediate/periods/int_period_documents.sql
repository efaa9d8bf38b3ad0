-- Grain: one row per document and month that it lies in now, or lay in when the month was closed.
-- Trap: an open month has no amount at close; of a closed one, amount_at_close is what its report says for ever.

{%- set document_columns = [
    'source', 'stream', '_row_key', 'tenant', 'native_id', 'recon_key', 'stage_code', 'stage_rank', 'currency_code',
    'period_code', 'booked_on', 'closed_at',
] %}

with {{ latest_rows(ref('int_stage_documents')) }},

closes as (
    select * from {{ ref('int_period_closes') }}
),

-- Only documents of which some version lay in a closed month are looked at as they were.
rows_in_closed_periods as (
    -- distinct: several versions of a document may lie in one month
    select distinct
        documents.source,
        documents.stream,
        documents._row_key,
        closes.period_code,
        closes.closed_at
    from {{ ref('int_stage_documents') }} as documents
    inner join closes
        on documents.tenant = closes.tenant
        and documents.period_code = closes.period_code
),

versions_at_close as (
    select
        documents.*,
        rows_in_closed_periods.period_code as closed_period_code,
        rows_in_closed_periods.closed_at,
        row_number() over {{ versions_of('documents', 'newest', ['rows_in_closed_periods.period_code']) }} as recency
    from {{ ref('int_stage_documents') }} as documents
    inner join rows_in_closed_periods
        on documents.source = rows_in_closed_periods.source
        and documents.stream = rows_in_closed_periods.stream
        and documents._row_key = rows_in_closed_periods._row_key
    where documents._observed_at <= rows_in_closed_periods.closed_at
),

latest_documents as (
    select
        latest_rows.*,
        closes.closed_at
    from latest_rows
    left join closes
        on latest_rows.tenant = closes.tenant
        and latest_rows.period_code = closes.period_code
    where latest_rows.amount <> 0
),

-- In an open month there is one moment: now.
open_documents as (
    select
        {{ document_columns | join(',\n        ') }},
        amount as amount_now,
        cast(null as decimal(18, 4)) as amount_at_close,
        1 as now_count,
        0 as close_count
    from latest_documents
    where closed_at is null
),

both_moments as (
    select
        {{ document_columns | join(',\n        ') }},
        amount as amount_now,
        {{ money('0') }} as amount_at_close,
        1 as now_count,
        0 as close_count
    from latest_documents
    where closed_at is not null
    union all
    select
        {{ document_columns | join(',\n        ') }},
        {{ money('0') }} as amount_now,
        amount as amount_at_close,
        0 as now_count,
        1 as close_count
    from versions_at_close
    where recency = 1
        and period_code = closed_period_code
        and amount <> 0
),

closed_documents as (
    select
        source,
        stream,
        _row_key,
        tenant,
        min(native_id) as native_id,
        min(recon_key) as recon_key,
        min(stage_code) as stage_code,
        min(stage_rank) as stage_rank,
        currency_code,
        period_code,
        max(booked_on) as booked_on,
        max(closed_at) as closed_at,
        {{ money('sum(amount_now)') }} as amount_now,
        {{ money('sum(amount_at_close)') }} as amount_at_close,
        max(now_count) as now_count,
        max(close_count) as close_count
    from both_moments
    group by source, stream, _row_key, tenant, currency_code, period_code
),

documents as (
    select * from open_documents
    union all
    select * from closed_documents
),

final as (
    select
        ---------- keys
        source,
        stream,
        tenant,
        native_id,
        recon_key,

        ---------- strings
        stage_code,
        period_code,
        currency_code,

        ---------- numerics
        stage_rank,
        amount_now,
        amount_at_close,
        {{ money('case when closed_at is null then 0 else amount_now - amount_at_close end') }} as late_amount,

        ---------- booleans
        closed_at is not null as is_closed,
        now_count = 1 as is_there_now,
        close_count = 1 as was_there_at_close,

        ---------- dates
        booked_on,

        ---------- timestamps
        closed_at,

        ---------- provenance
        _row_key
    from documents
)

select * from final
