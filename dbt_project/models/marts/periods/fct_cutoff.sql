-- Grain: one row per (recon_key, stage_code, period_code, currency_code) of an order that lies in several months: in which
-- month how much of it was booked, shipped, invoiced, paid and settled.
-- Trap: stages are never added to each other. is_other_period compares with the month of the order's first booking.

with all_documents as (
    select * from {{ ref('int_period_documents') }}
    where recon_key is not null
        and is_there_now
),

orders_across_months as (
    select recon_key
    from all_documents
    group by recon_key
    having min(period_code) < max(period_code)
),

documents as (
    select all_documents.*
    from all_documents
    inner join orders_across_months
        on all_documents.recon_key = orders_across_months.recon_key
),

bookings as (
    select
        recon_key,
        min(period_code) as booked_period_code
    from documents
    where stage_code = 'booked'
    group by recon_key
),

orders as (
    select
        recon_key,
        order_id,
        customer_id,
        sales_owner_id
    from {{ ref('int_orders') }}
),

by_stage as (
    select
        documents.recon_key,
        documents.stage_code,
        documents.period_code,
        documents.currency_code,
        min(documents.tenant) as tenant,
        min(documents.stage_rank) as stage_rank,
        cast(count(*) as bigint) as document_count,
        {{ money('sum(documents.amount_now)') }} as amount,
        min(documents.booked_on) as first_on,
        max(documents.booked_on) as last_on
    from documents
    group by documents.recon_key, documents.stage_code, documents.period_code, documents.currency_code
),

final as (
    select
        ---------- keys
        by_stage.recon_key,
        by_stage.stage_code,
        by_stage.period_code,
        by_stage.currency_code,
        by_stage.tenant,
        orders.order_id,
        orders.customer_id,
        orders.sales_owner_id,

        ---------- strings
        coalesce(bookings.booked_period_code, by_stage.period_code) as booked_period_code,

        ---------- numerics
        by_stage.stage_rank,
        by_stage.document_count,
        by_stage.amount,

        ---------- booleans
        coalesce(bookings.booked_period_code <> by_stage.period_code, false) as is_other_period,

        ---------- dates
        by_stage.first_on,
        by_stage.last_on
    from by_stage
    inner join orders
        on by_stage.recon_key = orders.recon_key
    left join bookings
        on by_stage.recon_key = bookings.recon_key
)

select * from final
