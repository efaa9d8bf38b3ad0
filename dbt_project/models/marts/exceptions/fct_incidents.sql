-- Grain: one row per (incident_id, currency_code): one cause and what it puts at risk in each currency.
-- Trap: amounts of two currencies are never added; member_count is of that currency alone.

with incident_members as (
    select * from {{ ref('int_incident_members') }}
),

exceptions as (
    select * from {{ ref('int_exceptions') }}
),

final as (
    select
        ---------- keys
        incident_members.incident_id,
        exceptions.currency_code,
        min(exceptions.tenant) as tenant,
        min(exceptions.source_system) as source_system,

        ---------- strings
        min(incident_members.cause_code) as cause_code,
        min(exceptions.exception_code) as exception_code,
        min(exceptions.owner_role) as owner_role,

        ---------- numerics
        count(*) as member_count,
        {{ money('sum(exceptions.leak_amount)') }} as leak_amount,

        ---------- timestamps
        min(exceptions.opened_at) as opened_at,
        max(exceptions.opened_at) as last_opened_at,
        min(exceptions.due_at) as due_at
    from incident_members
    inner join exceptions
        on incident_members.exception_id = exceptions.exception_id
    group by incident_members.incident_id, exceptions.currency_code
)

select * from final
