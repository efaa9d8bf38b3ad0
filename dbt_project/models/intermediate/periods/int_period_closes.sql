-- Grain: one row per tenant and month whose close is in force.
-- Trap: closed_at is the moment of the run that put the close in force: what was known then is what the month reports.

with closes as (
    select
        tenant,
        period_code,
        approval_id,
        requested_by,
        signed_by,
        in_force_at
    from {{ ref('int_decisions_in_force') }}
    where action_code = 'period_close'
),

tenants as (
    -- distinct: a tenant has many documents
    select distinct tenant from {{ ref('int_stage_documents') }}
),

-- A close of all tenants (*) is one of each.
closes_by_tenant as (
    select
        tenants.tenant,
        closes.period_code,
        closes.approval_id,
        closes.requested_by,
        closes.signed_by,
        closes.in_force_at
    from tenants
    inner join closes
        on tenants.tenant = closes.tenant
    union all
    select
        tenants.tenant,
        closes.period_code,
        closes.approval_id,
        closes.requested_by,
        closes.signed_by,
        closes.in_force_at
    from tenants
    cross join closes
    where closes.tenant = '*'
),

final as (
    select
        ---------- keys
        tenant,
        period_code,
        min_by(approval_id, in_force_at) as approval_id,

        ---------- strings
        min_by(requested_by, in_force_at) as requested_by,
        min_by(signed_by, in_force_at) as signed_by,

        ---------- timestamps
        min(in_force_at) as closed_at
    from closes_by_tenant
    group by tenant, period_code
)

select * from final
