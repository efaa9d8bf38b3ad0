-- Grain: one row per row of a file and expectation that it failed.
-- Trap: a row can fail several expectations: do not sum amounts from here.

with source_rows as (
    select * from {{ source('gates', 'failed_rows') }}
    where run_no <= {{ var('run_no') }}
),

final as (
    select
        run_no,
        gate as gate_code,
        suite,
        expectation,
        severity as severity_code,
        source,
        stream,
        load_seq as _load_seq,
        line as _line,
        native_key,
        recon_key,
        order_version_no,
        expected_value,
        actual_value,
        reason
    from source_rows
)

select * from final
