-- Grain: one row per payout or payment that the bank does not show rightly, and per bank line of nothing known.
-- Trap: a bank line that names nothing is unknown money, not a damaged key.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'bank'
        and status_code = 'exception'
),

expectations as (
    select * from {{ ref('int_anchored_expectations') }}
    where leg_code = 'bank'
),

evidence as (
    select * from {{ ref('int_anchored_evidence') }}
    where leg_code = 'bank'
),

-- What the search without a key said of each bank line that it left open.
nearest_misses as (
    select
        item_key,
        is_ambiguous,
        explanation
    from {{ ref('int_nearest_misses') }}
    where leg_code = 'bank'
        and side_code = 'actual'
),

expectations_summed_to_groups as (
    select
        anchor_key,
        currency_code,
        min(native_id) as native_id,
        count(*) as item_count,
        min(source_system) as source_system
    from expectations
    group by anchor_key, currency_code
),

groups_that_fail as (
    select
        case when match_groups.evidence_count = 0 then 'BNK_MISSING' else 'BNK_AMOUNT' end as exception_code,
        match_groups.tenant,
        match_groups.recon_key,
        coalesce(expectations_summed_to_groups.native_id, '') || ' ' || match_groups.currency_code as fact_key,
        coalesce(expectations_summed_to_groups.native_id, '') as native_ref,
        expectations_summed_to_groups.source_system,
        match_groups.match_id,
        match_groups.currency_code,
        coalesce(expectations_summed_to_groups.item_count, 0) as item_count,
        '' as nearest_note,
        '' as reference_note,
        {{ money('abs(match_groups.variance_amount)') }} as leak_amount,
        match_groups.expected_amount as expected_value_amount,
        match_groups.matched_amount as actual_value_amount,
        case when match_groups.variance_amount > 0 then 'owed' end as leak_kind,
        match_groups.due_at,
        case
            when match_groups.evidence_count = 0 then coalesce(match_groups.due_at, match_groups.last_known_at)
            else coalesce(match_groups.last_known_at, match_groups.due_at)
        end as opened_at
    from match_groups
    left join expectations_summed_to_groups
        on match_groups.anchor_key = expectations_summed_to_groups.anchor_key
        and match_groups.currency_code = expectations_summed_to_groups.currency_code
),

unknown_lines as (
    select
        case when nearest_misses.is_ambiguous then 'KEY_AMBIGUOUS' else 'BNK_UNKNOWN' end as exception_code,
        evidence.tenant,
        evidence.recon_key,
        evidence.native_id || ' ' || {{ row_key_text('evidence._row_key') }} as fact_key,
        evidence.native_id as native_ref,
        evidence.source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,
        evidence.currency_code,
        cast(0 as bigint) as item_count,
        coalesce(nearest_misses.explanation, '') as nearest_note,
        coalesce(evidence.order_ref, '') as reference_note,
        {{ money('abs(evidence.actual_amount)') }} as leak_amount,
        {{ money('0') }} as expected_value_amount,
        evidence.actual_amount as actual_value_amount,
        case when evidence.actual_amount < 0 then 'loss' else 'owed' end as leak_kind,
        evidence.event_at as due_at,
        evidence.known_at as opened_at
    from evidence
    left join nearest_misses
        on {{ evidence_item_key('evidence.source', 'evidence.stream', 'evidence._row_key') }} = nearest_misses.item_key
    where evidence.anchor_key is null
),

unioned as (
    select * from groups_that_fail
    union all
    select * from unknown_lines
),

final as (
    select
        ---------- keys
        exception_code,
        'bank' as leg_code,
        tenant,
        recon_key,
        '' as line_key,
        fact_key,
        native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'BNK_MISSING' then
                {{ amount_text('expected_value_amount') }} || ' ' || currency_code || ' of ' || native_ref
                || ' is not on the bank account; it was due on '
                || coalesce(cast(cast(due_at as date) as {{ dbt.type_string() }}), '') || '.'
            when 'KEY_AMBIGUOUS' then nearest_note
            when 'BNK_AMOUNT' then
                'The bank shows ' || {{ amount_text('actual_value_amount') }} || ' ' || currency_code || ' for '
                || native_ref
                || case when item_count > 1
                    then ' and ' || cast(item_count - 1 as {{ dbt.type_string() }}) || ' more'
                    else ''
                end
                || ', which come to ' || {{ amount_text('expected_value_amount') }} || '.'
            else
                {{ amount_text('actual_value_amount') }} || ' ' || currency_code || ' on the bank account ('
                || native_ref || ') belongs to no payout or payment that is known'
                || case when reference_note <> '' then '; its text is: ' || reference_note else '' end || '.'
        end as explanation,
        leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        expected_value_amount,
        actual_value_amount,

        ---------- timestamps
        opened_at
    from unioned
)

select * from final
