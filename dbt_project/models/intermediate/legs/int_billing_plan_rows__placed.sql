-- Grain: one row per planned billing period that is not cancelled, with the order line that it bills.
-- Trap: line_key is null where no one line can be told: then the plans of that order are compared as a whole.

with billing_plans as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        plan_id,
        order_ref,
        cast(order_line_no as {{ dbt.type_string() }}) as order_line_no,
        currency_code,
        quantity,
        unit_rate,
        net_amount,
        service_start_on,
        service_end_on,
        _observed_at,
        _row_key
    from {{ ref('int_billing_plans__latest') }}
    where coalesce(native_status, 'planned') <> 'cancelled'
),

{{ resolved_refs('billing_plans') }},

planned_orders as (
    -- distinct: an order has many periods
    select distinct recon_key from resolved
    where recon_key is not null
),

order_lines as (
    select
        billable.line_key,
        billable.recon_key,
        billable.canonical_line_no,
        billable.service_start_on,
        billable.service_end_on,
        count(*) over (partition by billable.recon_key) as line_count
    from {{ ref('int_order_lines__billable') }} as billable
    inner join planned_orders
        on billable.recon_key = planned_orders.recon_key
    where billable.net_amount <> 0
        or billable.quantity <> 0
        or billable.is_cancelled
),

only_lines as (
    select
        recon_key,
        min(line_key) as line_key
    from order_lines
    where line_count = 1
    group by recon_key
),

only_lines_from_a_day as (
    select
        recon_key,
        service_start_on,
        min(line_key) as line_key
    from order_lines
    where service_start_on is not null
    group by recon_key, service_start_on
    having count(*) = 1
),

-- Years one after the other (a ramp): a plan belongs to the line whose service holds all of it.
holding_lines as (
    select
        resolved._row_key,
        min(order_lines.line_key) as line_key
    from resolved
    inner join order_lines
        on resolved.recon_key = order_lines.recon_key
        and resolved.service_start_on >= order_lines.service_start_on
        and resolved.service_end_on <= order_lines.service_end_on
    where resolved.order_line_no is null
    group by resolved._row_key
    having count(*) = 1
),

lines_of_amendments as (
    select
        recon_key,
        document_ref,
        line_no,
        min(line_key) as line_key,
        count(*) over (partition by recon_key, document_ref) as line_count
    from {{ ref('int_order_lines__contributed') }}
    where is_amendment
    group by recon_key, document_ref, line_no
),

amendments as (
    select
        recon_key,
        document_ref,
        min(case when line_count = 1 then line_key end) as only_line_key
    from lines_of_amendments
    group by recon_key, document_ref
),

final as (
    select
        ---------- keys
        resolved.recon_key,
        case
            when amendments.document_ref is not null
            then coalesce(
                    lines_of_amendments.line_key,
                    case when resolved.order_line_no is null then amendments.only_line_key end,
                    order_lines.line_key
                )
            when resolved.order_line_no is not null then order_lines.line_key
            else coalesce(only_lines.line_key, holding_lines.line_key, only_lines_from_a_day.line_key)
        end as line_key,
        amendments.document_ref,
        resolved.source,
        resolved.stream,
        resolved.tenant,
        resolved.source_system,
        resolved.plan_id,
        resolved.order_ref,

        ---------- strings
        resolved.ref_status,
        resolved.currency_code,

        ---------- numerics
        resolved.quantity,
        resolved.unit_rate,
        resolved.net_amount,

        ---------- dates
        resolved.service_start_on,
        resolved.service_end_on,

        ---------- timestamps
        resolved._observed_at as known_at,

        ---------- provenance
        resolved._row_key
    from resolved
    left join order_lines
        on resolved.recon_key = order_lines.recon_key
        and resolved.order_line_no = order_lines.canonical_line_no
    left join only_lines
        on resolved.recon_key = only_lines.recon_key
    left join only_lines_from_a_day
        on resolved.recon_key = only_lines_from_a_day.recon_key
        and resolved.service_start_on = only_lines_from_a_day.service_start_on
    left join holding_lines
        on resolved._row_key = holding_lines._row_key
    left join amendments
        on resolved.recon_key = amendments.recon_key
        and resolved.normalised_ref = amendments.document_ref
    left join lines_of_amendments
        on resolved.recon_key = lines_of_amendments.recon_key
        and resolved.normalised_ref = lines_of_amendments.document_ref
        and resolved.order_line_no = lines_of_amendments.line_no
)

select * from final
