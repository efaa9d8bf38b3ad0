-- Grain: one row per open exception of goods: what did not leave, left wrongly or came back.
-- Trap: money that follows from it is finance's queue; the amount here is what the goods are worth on the order.

{{ config(materialized='view') }}

with exceptions as (
    select * from {{ ref('fct_exceptions') }}
    where owner_role = 'operations'
),

orders as (
    select
        recon_key,
        order_id,
        customer_id,
        customer_tier
    from {{ ref('fct_orders') }}
),

final as (
    select
        ---------- keys
        exceptions.exception_id,
        exceptions.exception_code,
        exceptions.recon_key,
        exceptions.line_key,
        orders.order_id,
        orders.customer_id,
        exceptions.native_ref,
        exceptions.tenant,
        exceptions.incident_id,

        ---------- strings
        orders.customer_tier,
        exceptions.severity_code,
        exceptions.ticket_severity_code,
        exceptions.currency_code,
        exceptions.assignee_id,
        exceptions.explanation,

        ---------- numerics
        exceptions.leak_amount,

        ---------- timestamps
        exceptions.opened_at,
        exceptions.due_at
    from exceptions
    left join orders
        on exceptions.recon_key = orders.recon_key
)

select * from final
