-- Grain: one row per run, suite and expectation.
-- Trap: evaluated_count is of the rows new in that run, not of the table. A check with an error_note could not run:
-- it says nothing about any row.

with source_rows as (
    select * from {{ source('gates', 'validation_results') }}
    where run_no <= {{ var('run_no') }}
),

final as (
    select
        run_no,
        gate as gate_code,
        suite,
        expectation,
        severity as severity_code,
        success as is_success,
        evaluated_count,
        unexpected_count,
        {{ json_text('details', 'error') }} as error_note
    from source_rows
)

select * from final
