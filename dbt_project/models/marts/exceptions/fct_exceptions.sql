-- Grain: one row per exception that is open at the run's moment.
-- Trap: leak_amount is money at risk, not the amount of the document; its kind says whose money it is.

{%- set history = stored_relation('history', 'fct_exceptions') %}

with exceptions as (
    select * from {{ ref('int_exceptions') }}
),

-- An exception that was seen to end and is there again goes on under its id and its first due time.
recurrences as (
    {%- if history %}
    select
        exception_id,
        {{ count_if('is_gone') }} as reopen_count,
        min_by(due_at, known_to) as first_due_at
    from {{ history }}
    where not is_absent
    group by exception_id
    {%- else %}
    select
        exception_id,
        cast(0 as bigint) as reopen_count,
        opened_at as first_due_at
    from exceptions
    where false
    {%- endif %}
),

match_groups as (
    select
        match_id,
        deciding_rule_id,
        rule_version,
        expectation_count,
        evidence_count,
        received_amount,
        returned_amount,
        expected_quantity,
        actual_quantity,
        variance_amount,
        due_at
    from {{ ref('int_match_groups') }}
),

incident_members as (
    select
        exception_id,
        incident_id
    from {{ ref('int_incident_members') }}
),

-- The nearest document that did not fit, where the search without a key has looked for one.
nearest_misses as (
    select
        leg_code,
        tenant,
        native_id,
        min(explanation) as nearest_miss
    from {{ ref('int_nearest_misses') }}
    group by leg_code, tenant, native_id
),

ticket_assignees as (
    select * from {{ ref('int_ticket_assignees') }}
),

ticket_states as (
    select * from {{ ref('int_ticket_states') }}
),

severity_policies as (
    select
        severity_code,
        severity_rank
    from {{ ref('severity_policies') }}
),

-- Late ones are a step graver than their class and money make them.
raised_severities as (
    select
        ticket_severities.ticket_id,
        ticket_severities.severity_code,
        severity_policies.severity_rank
    from {{ ref('int_ticket_severities') }} as ticket_severities
    inner join severity_policies
        on ticket_severities.severity_code = severity_policies.severity_code
),

final as (
    select
        ---------- keys
        exceptions.exception_id,
        exceptions.exception_code,
        exceptions.leg_code,
        exceptions.recon_key,
        exceptions.line_key,
        exceptions.native_ref,
        exceptions.tenant,
        exceptions.source_system,
        exceptions.match_id,
        incident_members.incident_id,

        ---------- strings
        exceptions.family_code,
        exceptions.severity_code,
        case
            when raised_severities.severity_rank > severity_policies.severity_rank then raised_severities.severity_code
            else exceptions.severity_code
        end as ticket_severity_code,
        exceptions.leak_kind,
        exceptions.currency_code,
        exceptions.owner_role,
        exceptions.approver_role,
        coalesce(ticket_assignees.assignee_id, exceptions.assignee_id) as assignee_id,
        coalesce(ticket_states.state_code, 'open') as ticket_state_code,
        case when recurrences.reopen_count > 0 then 'reopened' else 'new' end as status_code,
        exceptions.explanation,
        {{ json_object({
            'rule': 'match_groups.deciding_rule_id',
            'rule_version': 'match_groups.rule_version',
            'expectations': 'match_groups.expectation_count',
            'documents': 'match_groups.evidence_count',
            'expected_amount': 'exceptions.expected_value_amount',
            'actual_amount': 'exceptions.actual_value_amount',
            'received_amount': 'match_groups.received_amount',
            'returned_amount': 'match_groups.returned_amount',
            'expected_quantity': 'match_groups.expected_quantity',
            'actual_quantity': 'match_groups.actual_quantity',
            'variance_amount': 'match_groups.variance_amount',
            'due_at': 'match_groups.due_at',
            'nearest_miss': 'nearest_misses.nearest_miss',
        }) }} as evidence,

        ---------- numerics
        exceptions.leak_amount,
        cast(coalesce(recurrences.reopen_count, 0) as bigint) as reopen_count,

        ---------- timestamps
        exceptions.opened_at,
        case when recurrences.reopen_count > 0 then recurrences.first_due_at else exceptions.due_at end as due_at
    from exceptions
    left join match_groups
        on exceptions.match_id = match_groups.match_id
    left join recurrences
        on exceptions.exception_id = recurrences.exception_id
    left join incident_members
        on exceptions.exception_id = incident_members.exception_id
    left join ticket_assignees
        on exceptions.exception_id = ticket_assignees.ticket_id
    left join ticket_states
        on exceptions.exception_id = ticket_states.ticket_id
    inner join severity_policies
        on exceptions.severity_code = severity_policies.severity_code
    left join raised_severities
        on exceptions.exception_id = raised_severities.ticket_id
    left join nearest_misses
        on exceptions.leg_code = nearest_misses.leg_code
        and exceptions.tenant = nearest_misses.tenant
        and exceptions.native_ref = nearest_misses.native_id
)

select * from final
