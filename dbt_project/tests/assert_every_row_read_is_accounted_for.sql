-- Harm prevented: rows or cents that were read disappear on the way (R-B6).
-- What the loader counted from the text of the files must equal the accounting mart, per stream and currency.

with read_totals as (
    select
        source,
        stream,
        coalesce(currency_code, '') as currency_code,
        cast(sum(row_count) as bigint) as row_count,
        {{ money('sum(read_amount)') }} as amount
    from {{ ref('stg_landing__read_totals') }}
    group by source, stream, coalesce(currency_code, '')
),

accounted as (
    select
        source,
        stream,
        currency_code,
        cast(sum(row_count) as bigint) as row_count,
        {{ money('sum(amount)') }} as amount,
        max(case when disposition = 'unaccounted' then 1 else 0 end) as has_unaccounted
    from {{ ref('fct_source_accounting') }}
    group by source, stream, currency_code
)

select
    coalesce(read_totals.source, accounted.source) as source,
    coalesce(read_totals.stream, accounted.stream) as stream,
    coalesce(read_totals.currency_code, accounted.currency_code) as currency_code,
    read_totals.row_count as rows_read,
    accounted.row_count as rows_accounted,
    read_totals.amount as amount_read,
    accounted.amount as amount_accounted
from read_totals
full outer join accounted
    on read_totals.source = accounted.source
    and read_totals.stream = accounted.stream
    and read_totals.currency_code = accounted.currency_code
where coalesce(read_totals.row_count, 0) <> coalesce(accounted.row_count, 0)
    or coalesce(read_totals.amount, 0) <> coalesce(accounted.amount, 0)
    or accounted.has_unaccounted = 1
