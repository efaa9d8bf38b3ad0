-- Grain: one row per planned billing period that is not cancelled, with the order line that it bills.
-- Trap: plans of an order are compared in all where one of them names no line.

with planned_orders as (
    select * from {{ ref('int_planned_orders') }}
),

contributed as (
    select
        line_key,
        document_ref
    from {{ ref('int_order_lines__contributed') }}
    where is_amendment
),

orders as (
    select
        recon_key,
        status_code
    from {{ ref('int_orders') }}
),

-- Where a plan names an amendment, the line is compared document by document.
lines_by_document as (
    -- distinct: a document has many periods
    select distinct line_key from {{ ref('int_billing_plan_rows__placed') }}
    where document_ref is not null
),

final as (
    select
        ---------- keys
        'billing_plan' as leg_code,
        case
            when plans.recon_key is null then null
            when coalesce(planned_orders.mode_code, 'TOTAL') = 'TOTAL' then plans.recon_key || '|plan'
            when lines_by_document.line_key is not null then
                plans.line_key || '-' || coalesce(contributed.document_ref, '')
            else plans.line_key
        end as anchor_key,
        plans.recon_key,
        plans.tenant,
        plans.source,
        plans.stream,
        plans.source_system,
        plans.plan_id as native_id,
        cast(null as {{ dbt.type_string() }}) as line_no,
        plans.order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        plans.ref_status,
        'plan' as kind_code,
        plans.currency_code,

        ---------- numerics
        plans.net_amount as actual_amount,
        coalesce(plans.quantity, {{ quantity('0') }}) as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        cast(plans.service_start_on as timestamp) as event_at,
        plans.known_at,

        ---------- provenance
        plans._row_key
    from {{ ref('int_billing_plan_rows__placed') }} as plans
    left join orders
        on plans.recon_key = orders.recon_key
    left join planned_orders
        on plans.recon_key = planned_orders.recon_key
    left join lines_by_document
        on plans.line_key = lines_by_document.line_key
    left join contributed
        on plans.line_key = contributed.line_key
        and plans.document_ref = contributed.document_ref
    where coalesce(orders.status_code, '') not in ('cancelled', 'deleted')
)

select * from final
