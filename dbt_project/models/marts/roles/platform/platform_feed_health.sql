-- Grain: one row per (source, stream): what was read of a feed, what was refused, and when it last came.
-- Trap: no amounts and no order here: platform looks after feeds, not after money.

{{ config(materialized='view') }}

with files as (
    select * from {{ ref('fct_files') }}
),

accounting as (
    select
        source,
        stream,
        cast(sum(row_count) as bigint) as row_count,
        cast(sum(case when disposition = 'rejected' then row_count else 0 end) as bigint) as rejected_row_count,
        cast(sum(case when disposition = 'in_exception' then row_count else 0 end) as bigint) as exception_row_count
    from {{ ref('fct_source_accounting') }}
    group by source, stream
),

files_summed as (
    select
        source,
        stream,
        count(*) as file_count,
        {{ count_if("status_code = 'refused'") }} as refused_file_count,
        max(observed_at) as last_received_at
    from files
    group by source, stream
),

final as (
    select
        ---------- keys
        files_summed.source,
        files_summed.stream,

        ---------- numerics
        files_summed.file_count,
        files_summed.refused_file_count,
        coalesce(accounting.row_count, 0) as row_count,
        coalesce(accounting.rejected_row_count, 0) as rejected_row_count,
        coalesce(accounting.exception_row_count, 0) as exception_row_count,

        ---------- timestamps
        files_summed.last_received_at
    from files_summed
    left join accounting
        on files_summed.source = accounting.source
        and files_summed.stream = accounting.stream
)

select * from final
