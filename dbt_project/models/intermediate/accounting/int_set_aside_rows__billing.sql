-- Grain: one row per row of an invoice, a billing plan or a revenue schedule that no leg accounts for by itself.
-- Trap: invoice lines are all here: those that are evidence end where their group ends, the others say why not.

with evidence as (
    select
        source,
        stream,
        _row_key,
        anchor_key,
        currency_code,
        is_test
    from {{ ref('int_evidence') }}
    where leg_code = 'invoice'
),

match_groups as (
    select
        anchor_key,
        currency_code,
        status_code
    from {{ ref('int_match_groups') }}
    where leg_code = 'invoice'
),

invoice_rows as (
    select
        placed.source,
        placed.stream,
        placed._row_key,
        case
            when placed.set_aside_reason is not null then placed.set_aside_reason
            when evidence._row_key is null and placed.row_kind = 'DOCUMENT' then 'CARRIED_BY_LINES'
            when evidence._row_key is null then 'CARRIED_BY_HEADER'
            when evidence.is_test then 'TEST_ORDER'
            when evidence.anchor_key is null then 'KEY'
            else upper(match_groups.status_code)
        end as reason_code
    from {{ ref('int_invoice_rows__placed') }} as placed
    left join evidence
        on placed.source = evidence.source
        and placed.stream = evidence.stream
        and placed._row_key = evidence._row_key
    left join match_groups
        on evidence.anchor_key = match_groups.anchor_key
        and evidence.currency_code = match_groups.currency_code
    where placed.row_kind = 'LINE'
        or evidence._row_key is null
),

plans as (
    select
        plans.source,
        plans.stream,
        plans._row_key,
        'CANCELLED_ORDER' as reason_code
    from {{ ref('int_billing_plan_rows__placed') }} as plans
    inner join {{ ref('int_orders') }} as orders
        on plans.recon_key = orders.recon_key
    where orders.status_code in ('cancelled', 'deleted')
),

cancelled_plans as (
    select
        source,
        stream,
        _row_key,
        'PLAN_CANCELLED' as reason_code
    from {{ ref('int_billing_plans__latest') }}
    where native_status = 'cancelled'
),

reversed_schedules as (
    select
        source,
        stream,
        _row_key,
        'REVENUE_REVERSED' as reason_code
    from {{ ref('int_revenue_schedules__latest') }}
    where native_status = 'reversed'
),

final as (
    select * from invoice_rows
    union all
    select * from plans
    union all
    select * from cancelled_plans
    union all
    select * from reversed_schedules
)

select * from final
