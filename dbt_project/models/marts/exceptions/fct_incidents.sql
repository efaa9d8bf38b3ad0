-- Grain: one row per (incident_id, currency_code): one cause and what it puts at risk in each currency.
-- Trap: amounts of two currencies are never added; member_count is of that currency alone. Where one ticket stands for
-- many matches (a rounding setting), its members are the matches.

with incident_members as (
    select * from {{ ref('int_incident_members') }}
),

exceptions as (
    select * from {{ ref('int_exceptions') }}
),

rounded_otherwise as (
    select
        tenant,
        currency_code,
        count(*) as member_count
    from {{ ref('int_match_groups') }}
    where residual_class = 'ROUNDING_MODE'
    group by tenant, currency_code
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
        case
            when min(incident_members.cause_code) = 'ROUNDING_MODE' then
                coalesce(max(rounded_otherwise.member_count), 0)
            else count(*)
        end as member_count,
        {{ money('sum(exceptions.leak_amount)') }} as leak_amount,

        ---------- timestamps
        min(exceptions.opened_at) as opened_at,
        max(exceptions.opened_at) as last_opened_at,
        min(exceptions.due_at) as due_at
    from incident_members
    inner join exceptions
        on incident_members.exception_id = exceptions.exception_id
    left join rounded_otherwise
        on exceptions.tenant = rounded_otherwise.tenant
        and exceptions.currency_code = rounded_otherwise.currency_code
    group by incident_members.incident_id, exceptions.currency_code
)

select * from final
