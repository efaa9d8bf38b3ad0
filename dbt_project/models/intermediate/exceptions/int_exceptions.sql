-- Grain: one row per exception that holds at the run's moment.
-- Trap: one fact has one exception: the families do not overlap, and a test proves it. Those of synthetic orders are not
-- here: int_synthetic_outcomes judges them.

with told as (
    {%- for family in var('exception_families') %}
    select
        exception_code,
        leg_code,
        tenant,
        recon_key,
        line_key,
        fact_key,
        native_ref,
        source_system,
        match_id,
        currency_code,
        explanation,
        leak_kind,
        assignee_id,
        incident_cause,
        leak_amount,
        expected_value_amount,
        actual_value_amount,
        opened_at
    from {{ ref('int_exceptions__' ~ family) }}
    where not {{ is_synthetic('tenant') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- A group of which a restated document is all that is wrong is told by the document.
unioned as (
    select told.*
    from told
    left join {{ ref('int_restated_groups') }} as restated_groups
        on told.match_id = restated_groups.match_id
        and told.actual_value_amount - told.expected_value_amount = restated_groups.variance_amount
    where restated_groups.match_id is null
),

exception_classes as (
    select * from {{ ref('exception_classes') }}
),

severity_policies as (
    select * from {{ ref('severity_policies') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

-- The class gives the least severity; the money at risk can raise it.
severities as (
    select
        unioned.exception_code,
        unioned.leg_code,
        unioned.tenant,
        unioned.recon_key,
        unioned.line_key,
        unioned.fact_key,
        max(severity_policies.severity_rank) as severity_rank
    from unioned
    inner join exception_classes
        on unioned.exception_code = exception_classes.exception_code
    left join currencies
        on unioned.currency_code = currencies.currency_code
    inner join severity_policies
        on exception_classes.severity_code = severity_policies.severity_code
        or unioned.leak_amount >= severity_policies.least_leak_amount * coalesce(currencies.risk_factor, 1)
    group by
        unioned.exception_code, unioned.leg_code, unioned.tenant, unioned.recon_key, unioned.line_key, unioned.fact_key
),

-- A difference that is compared with a value by hand says so.
decided_notes as (
    select
        match_id,
        {{ joined_in_order('value_note', 'value_note') }} as value_note
    from {{ ref('int_decided_values') }}
    group by match_id
),

final as (
    select
        ---------- keys
        {{ exception_id('unioned') }} as exception_id,
        unioned.exception_code,
        unioned.leg_code,
        unioned.tenant,
        unioned.recon_key,
        unioned.line_key,
        unioned.native_ref,
        unioned.source_system,
        unioned.match_id,

        ---------- strings
        exception_classes.family_code,
        severity_policies.severity_code,
        coalesce(unioned.leak_kind, exception_classes.leak_kind) as leak_kind,
        unioned.currency_code,
        exception_classes.owner_role,
        exception_classes.approver_role,
        unioned.assignee_id,
        unioned.incident_cause,
        unioned.explanation || coalesce(' ' || decided_notes.value_note, '') as explanation,

        ---------- numerics
        {{ rounded_to('unioned.leak_amount', 'currencies.exponent') }} as leak_amount,
        unioned.expected_value_amount,
        unioned.actual_value_amount,

        ---------- timestamps
        unioned.opened_at,
        {{ plus_hours('unioned.opened_at', 'severity_policies.resolve_hours') }} as due_at
    from unioned
    inner join exception_classes
        on unioned.exception_code = exception_classes.exception_code
    inner join severities
        on unioned.exception_code = severities.exception_code
        and unioned.leg_code = severities.leg_code
        and unioned.tenant = severities.tenant
        and unioned.line_key = severities.line_key
        and unioned.fact_key = severities.fact_key
        and coalesce(unioned.recon_key, '') = coalesce(severities.recon_key, '')
    inner join severity_policies
        on severities.severity_rank = severity_policies.severity_rank
    left join decided_notes
        on unioned.match_id = decided_notes.match_id
    left join currencies
        on unioned.currency_code = currencies.currency_code
)

select * from final
