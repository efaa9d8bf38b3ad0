-- Grain: one row per (recon_key, version_no, gate_code): what a gate says of the current version of an order.
-- Trap: source_rows holds nothing: it tells that a document of the order contradicts itself. An order that a gate has
-- nothing to compare with has no row of that gate.

{{ config(materialized='view') }}

with orders as (
    select
        recon_key,
        version_no,
        tenant
    from {{ ref('int_orders') }}
),

subjects as (
    select
        recon_key,
        version_no,
        gate_code,
        tenant,
        expected_value,
        actual_value,
        rule_version,
        is_judged
    from {{ ref('int_gate_subjects') }}
),

failures as (
    select
        recon_key,
        version_no,
        gate_code,
        result_code,
        actual_value
    from {{ ref('int_gate_failures') }}
),

failed_rows as (
    select
        source,
        stream,
        expectation,
        _load_seq,
        _line
    from {{ ref('stg_gates__failed_rows') }}
    where gate_code = 'source'
        and severity_code = 'warning'
),

source_rows as (
    select
        source,
        stream,
        _row_key,
        _load_seq,
        _line
    from {{ ref('stg_landing__source_rows') }}
),

order_documents as (
    select
        recon_key,
        source,
        stream,
        _row_key
    from {{ ref('int_order_documents') }}
),

order_lines as (
    select
        recon_key,
        source,
        stream,
        _row_key
    from {{ ref('int_order_lines__keyed') }}
),

evidence as (
    select
        recon_key,
        source,
        stream,
        _row_key
    from {{ ref('int_evidence') }}
),

suspect_rows as (
    select
        source_rows.source,
        source_rows.stream,
        source_rows._row_key,
        min(failed_rows.expectation) as expectation
    from failed_rows
    inner join source_rows
        on failed_rows.source = source_rows.source
        and failed_rows.stream = source_rows.stream
        and failed_rows._load_seq = source_rows._load_seq
        and failed_rows._line = source_rows._line
    group by source_rows.source, source_rows.stream, source_rows._row_key
),

documents_of_orders as (
    select * from order_documents
    union all
    select * from order_lines
    union all
    select * from evidence
),

suspects_summed_to_orders as (
    select
        documents_of_orders.recon_key,
        count(distinct suspect_rows._row_key) as suspect_count,
        min(suspect_rows.expectation) as expectation
    from documents_of_orders
    inner join suspect_rows
        on documents_of_orders.source = suspect_rows.source
        and documents_of_orders.stream = suspect_rows.stream
        and documents_of_orders._row_key = suspect_rows._row_key
    where documents_of_orders.recon_key is not null
    group by documents_of_orders.recon_key
),

source_row_results as (
    select
        ---------- keys
        orders.recon_key,
        orders.version_no,
        orders.tenant,

        ---------- strings
        'source_rows' as gate_code,
        case when suspects_summed_to_orders.recon_key is null then 'pass' else 'fail' end as result_code,
        'no row of the order contradicts itself' as expected_value,
        coalesce(
            cast(suspects_summed_to_orders.suspect_count as {{ dbt.type_string() }}) || ' rows, first '
            || suspects_summed_to_orders.expectation,
            'none'
        ) as actual_value,

        ---------- numerics
        cast(1 as bigint) as rule_version
    from orders
    left join suspects_summed_to_orders
        on orders.recon_key = suspects_summed_to_orders.recon_key
),

validation_results as (
    select
        ---------- keys
        subjects.recon_key,
        subjects.version_no,
        subjects.tenant,

        ---------- strings
        subjects.gate_code,
        case
            when failures.result_code is not null then failures.result_code
            when subjects.is_judged then 'pass'
            else 'not_applicable'
        end as result_code,
        subjects.expected_value,
        coalesce(failures.actual_value, subjects.actual_value) as actual_value,

        ---------- numerics
        subjects.rule_version
    from subjects
    left join failures
        on subjects.recon_key = failures.recon_key
        and subjects.version_no = failures.version_no
        and subjects.gate_code = failures.gate_code
),

final as (
    select * from source_row_results
    union all
    select * from validation_results
)

select * from final
