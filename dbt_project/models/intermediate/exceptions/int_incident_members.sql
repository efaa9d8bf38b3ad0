-- Grain: one row per exception that belongs to an incident: one cause that hit many.
-- Trap: an exception without a row stands alone. Days follow each other within an incident; a day without a new
-- exception ends it.

with exceptions as (
    select
        exception_id,
        exception_code,
        tenant,
        source_system,
        incident_cause,
        cast(opened_at as date) as opened_on
    from {{ ref('int_exceptions') }}
),

incident_policies as (
    select * from {{ ref('incident_policies') }}
),

-- What a rule names as one cause is one incident, however few it hit and however long it lasts.
of_named_causes as (
    select
        exception_id,
        {{ deterministic_id('in_', ['tenant', 'exception_code', 'incident_cause']) }} as incident_id,
        incident_cause as cause_code
    from exceptions
    where incident_cause is not null
),

of_many as (
    select
        exceptions.exception_id,
        exceptions.exception_code,
        exceptions.tenant,
        exceptions.source_system,
        exceptions.opened_on,
        incident_policies.least_members
    from exceptions
    inner join incident_policies
        on exceptions.exception_code = incident_policies.exception_code
    where exceptions.incident_cause is null
),

counted_by_day as (
    select
        exception_code,
        tenant,
        source_system,
        opened_on,
        max(least_members) as least_members,
        count(*) as member_count
    from of_many
    group by exception_code, tenant, source_system, opened_on
),

days_with_last as (
    select
        *,
        lag(opened_on) over (
            partition by exception_code, tenant, source_system
            order by opened_on nulls last
        ) as last_opened_on
    from counted_by_day
),

days_with_starts as (
    select
        *,
        max(
            case
                when last_opened_on is null or {{ days_between('last_opened_on', 'opened_on') }} > 1
                then opened_on
            end
        ) over (
            partition by exception_code, tenant, source_system
            order by opened_on nulls last
            rows between unbounded preceding and current row
        ) as began_on
    from days_with_last
),

spells as (
    select
        exception_code,
        tenant,
        source_system,
        began_on,
        max(opened_on) as ended_on,
        max(least_members) as least_members,
        cast(sum(member_count) as bigint) as member_count
    from days_with_starts
    group by exception_code, tenant, source_system, began_on
    having sum(member_count) >= max(least_members)
),

of_mass_failures as (
    select
        of_many.exception_id,
        {{ deterministic_id('in_', [
            'of_many.tenant', 'of_many.exception_code', 'of_many.source_system', 'spells.began_on',
        ]) }} as incident_id,
        'MASS_FAILURE' as cause_code
    from of_many
    inner join spells
        on of_many.exception_code = spells.exception_code
        and of_many.tenant = spells.tenant
        and of_many.source_system = spells.source_system
        and of_many.opened_on >= spells.began_on
        and of_many.opened_on <= spells.ended_on
),

final as (
    select * from of_named_causes
    union all
    select * from of_mass_failures
)

select * from final
