-- Grain: one row per order that a sales owner has to look at: not reconciled, or with an open exception.
-- Trap: reconciled orders are left out: this is a queue, not a report.

{{ config(materialized='view') }}

with orders as (
    select * from {{ ref('fct_orders') }}
    where not is_test
        and not is_synthetic
        and state_code in ('exception', 'open', 'held_by_gate')
),

final as (
    select
        ---------- keys
        recon_key,
        tenant,
        order_id,
        customer_id,
        contract_id,
        sales_owner_id,

        ---------- strings
        order_type,
        customer_tier,
        segment,
        state_code,
        currency_code,

        ---------- numerics
        total_amount,
        open_exception_count,
        leak_amount,

        ---------- timestamps
        ordered_at,
        sla_due_at
    from orders
)

select * from final
