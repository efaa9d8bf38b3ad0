-- Grain: one row per revenue schedule line that is not reversed, with the order line whose revenue it is.
-- Trap: line_key is null where the schedule is of the order as a whole: then the order is compared as a whole.

with revenue_schedules as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        order_ref,
        nullif(cast(order_line_no as {{ dbt.type_string() }}), '') as order_line_no,
        period_code,
        currency_code,
        coalesce(native_status, 'planned') as status_code,
        revenue_amount,
        _observed_at,
        _row_key
    from {{ ref('int_revenue_schedules__latest') }}
    where coalesce(native_status, 'planned') <> 'reversed'
),

{{ resolved_refs('revenue_schedules') }},

order_lines as (
    select
        line_key,
        recon_key,
        canonical_line_no
    from {{ ref('int_order_lines__billable') }}
),

lines_of_amendments as (
    select
        recon_key,
        document_ref,
        line_no,
        min(line_key) as line_key
    from {{ ref('int_order_lines__contributed') }}
    where is_amendment
    group by recon_key, document_ref, line_no
),

amendments as (
    -- distinct: an amendment has several lines
    select distinct
        recon_key,
        document_ref
    from lines_of_amendments
),

final as (
    select
        ---------- keys
        resolved.recon_key,
        case
            when amendments.document_ref is not null
            then coalesce(lines_of_amendments.line_key, order_lines.line_key)
            else order_lines.line_key
        end as line_key,
        resolved.period_code,
        resolved.source,
        resolved.stream,
        resolved.tenant,
        resolved.source_system,
        resolved.order_ref,

        ---------- strings
        resolved.ref_status,
        resolved.status_code,
        resolved.currency_code,

        ---------- numerics
        resolved.revenue_amount,

        ---------- timestamps
        resolved._observed_at as known_at,

        ---------- provenance
        resolved._row_key
    from resolved
    left join order_lines
        on resolved.recon_key = order_lines.recon_key
        and resolved.order_line_no = order_lines.canonical_line_no
    left join amendments
        on resolved.recon_key = amendments.recon_key
        and resolved.normalised_ref = amendments.document_ref
    left join lines_of_amendments
        on resolved.recon_key = lines_of_amendments.recon_key
        and resolved.normalised_ref = lines_of_amendments.document_ref
        and resolved.order_line_no = lines_of_amendments.line_no
)

select * from final
