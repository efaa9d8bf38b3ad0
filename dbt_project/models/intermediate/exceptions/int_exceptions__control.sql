-- Grain: one row per decision by hand that is in force and that nobody has reviewed, and per alarm about one person's day.
-- Trap: the money was decided about, it is not at risk again: leak_amount is zero, the amount stands in the comparison.

with decisions as (
    select * from {{ ref('int_decisions_in_force') }}
    where not is_reviewed
        -- A month closed or a rule released overrides nothing; a difference of no order can be closed by hand too.
        and action_code not in ('period_close', 'rule_release')
),

-- What a decision has replaced or put together; one that no longer fits what it was made about has nothing here.
effects as (
    select
        approval_id,
        ' ' || value_note as effect_note
    from {{ ref('int_decided_values') }}
    union all
    -- distinct: a match has many members
    select distinct
        approval_id,
        '' as effect_note
    from {{ ref('int_manual_members') }}
),

orders as (
    select
        recon_key,
        source_system
    from {{ ref('int_orders') }}
),

ledger_events as (
    select
        event_seq,
        subject_type,
        subject_id,
        action_code as event_code,
        reason,
        payload,
        occurred_at
    from {{ ref('stg_ledger__events') }}
    where subject_type = 'override_alarm'
        and occurred_at <= {{ as_of() }}
),

alarms as (
    select
        subject_id as alarm_key,
        max(case when event_code = 'override_alarm_raised' then reason end) as sentence,
        max(case when event_code = 'override_alarm_raised' then occurred_at end) as raised_at,
        max(case when event_code = 'override_alarm_raised' then cast({{ json_text('payload', 'amount') }} as decimal(18, 4)) end)
            as alarm_amount,
        max(case when event_code = 'override_reviewed' then 1 else 0 end) as is_reviewed
    from ledger_events
    group by subject_id
),

final as (
    select
        ---------- keys
        'CTL_OVERRIDE' as exception_code,
        '' as leg_code,
        decisions.tenant,
        decisions.recon_key,
        '' as line_key,
        decisions.approval_id as fact_key,
        decisions.approval_id as native_ref,
        coalesce(orders.source_system, '') as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        coalesce(decisions.currency_code, '') as currency_code,
        decisions.action_code || ' of ' || coalesce(decisions.order_id, decisions.approval_id) || ' by '
        || decisions.requested_by || case
            when decisions.signed_by is null then ', signed by nobody yet'
            else ', signed by ' || decisions.signed_by
        end || ': ' || {{ amount_text('decisions.decided_amount') }} || ' ' || decisions.currency_code
        || ' (' || decisions.reason_code || ').'
        || case
            when decisions.action_code not in ('manual_match', 'value_override') then ''
            else coalesce(effects.effect_note, ' It has no effect: the order or a document is not as it was approved.')
        end as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('0') }} as leak_amount,
        cast(null as decimal(18, 4)) as expected_value_amount,
        decisions.decided_amount as actual_value_amount,

        ---------- timestamps
        decisions.in_force_at as opened_at
    from decisions
    left join orders
        on decisions.recon_key = orders.recon_key
    left join effects
        on decisions.approval_id = effects.approval_id
    union all
    select
        'CTL_OVERRIDE' as exception_code,
        '' as leg_code,
        'main' as tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        '' as line_key,
        alarms.alarm_key as fact_key,
        alarms.alarm_key as native_ref,
        '' as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,
        '' as currency_code,
        alarms.sentence as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,
        {{ money('0') }} as leak_amount,
        cast(null as decimal(18, 4)) as expected_value_amount,
        alarms.alarm_amount as actual_value_amount,
        alarms.raised_at as opened_at
    from alarms
    where alarms.is_reviewed = 0
        and alarms.raised_at is not null
)

select * from final
