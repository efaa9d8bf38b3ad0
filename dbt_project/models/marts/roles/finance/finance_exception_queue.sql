-- Grain: one row per open exception that finance owns or approves.
-- Trap: names of customers and people are not here; the order's key leads to them for whoever may see them.

{{ config(materialized='view') }}

with exceptions as (
    select * from {{ ref('fct_exceptions') }}
    where owner_role in ('finance', 'marketplace')
        or approver_role = 'finance'
),

final as (
    select
        ---------- keys
        exception_id,
        exception_code,
        leg_code,
        recon_key,
        native_ref,
        tenant,
        incident_id,

        ---------- strings
        severity_code,
        ticket_severity_code,
        leak_kind,
        currency_code,
        owner_role,
        approver_role,
        assignee_id,
        explanation,

        ---------- numerics
        leak_amount,

        ---------- timestamps
        opened_at,
        due_at
    from exceptions
)

select * from final
