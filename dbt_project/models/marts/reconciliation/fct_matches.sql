-- Grain: one row per match group that has evidence: what was compared under one key, and the verdict.
-- Trap: a group with status exception is a comparison that failed: match_kind is none there.

with decided_notes as (
    -- One sentence a value that a decision by hand replaced.
    select
        match_id,
        {{ joined_in_order('value_note', 'value_note') }} as value_note
    from {{ ref('int_decided_values') }}
    group by match_id
),

match_groups as (
    select
        groups.*,
        decided_notes.value_note
    from {{ ref('int_match_groups') }} as groups
    left join decided_notes
        on groups.match_id = decided_notes.match_id
    where (groups.evidence_count > 0 or groups.is_assigned)
        and not {{ is_synthetic('groups.tenant') }}
),

suggested_groups as (
    select
        match_id,
        leg_code,
        min(tenant) as tenant,
        case when min(recon_key) = max(recon_key) then min(recon_key) end as recon_key,
        cast(max(expected_count) as bigint) as expectation_count,
        cast(max(actual_count) as bigint) as evidence_count,
        currency_code,
        min(rule_id) as rule_id,
        min(rule_version) as rule_version,
        min(explanation) as explanation,
        {{ money("sum(case when side_code = 'expected' then item_amount else 0 end)") }} as expected_amount,
        {{ money("sum(case when side_code = 'actual' then item_amount else 0 end)") }} as actual_amount,
        max(score) as score,
        max(margin) as margin,
        max(case when is_exchangeable then 1 else 0 end) = 1 as is_exchangeable
    from {{ ref('int_suggested_groups') }}
    where not {{ is_synthetic('tenant') }}
    group by match_id, leg_code, currency_code
),

final as (
    select
        ---------- keys
        match_id,
        leg_code,
        recon_key,
        tenant,

        ---------- strings
        match_kind,
        status_code,
        {{ cardinality_of('expectation_count', 'evidence_count') }} as cardinality,
        deciding_rule_id as rule_id,
        coalesce(deciding_rule_version, 0) as rule_version,
        residual_class,
        currency_code,
        case
            when assigned_explanation is not null and status_code = 'matched' then assigned_explanation
            when residual_class = 'NONE' then
                'Expected and reported agree exactly'
                || case when evidence_count > 1
                    then ', summed over ' || cast(evidence_count as {{ dbt.type_string() }}) || ' documents.' else '.'
                end
            when residual_class = 'ROUNDING' then
                'They differ by ' || {{ amount_text('variance_amount') }} || ' ' || currency_code
                || ', no more than rounding its lines can move ('
                || cast(rounding_bound_amount as {{ dbt.type_string() }}) || ').'
            when residual_class = 'INSTALMENT_INTEREST' then
                'The buyer paid ' || {{ amount_text('variance_amount') }} || ' ' || currency_code || ' more in '
                || cast(instalment_count as {{ dbt.type_string() }}) || ' instalments: interest of the card issuer.'
            when residual_class = 'TOLERANCE' then
                'They differ by ' || {{ amount_text('variance_amount') }} || ' ' || currency_code
                || ', within the tolerance'
                || case when tolerance_amount > 0 then ' of ' || {{ amount_text('tolerance_amount') }} else '' end
                || '.'
            when residual_class = 'FX' then
                'They differ by ' || {{ amount_text('variance_amount') }} || ' ' || currency_code
                || ', exactly what the rate moved between payment and settlement.'
            when residual_class = 'STATED_NET' then
                'The bank follows the ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ' that the provider states; its lines come to ' || {{ amount_text('expected_amount') }} || '.'
            when residual_class = 'FEE' then
                {{ amount_text('residual_amount') }} || ' ' || currency_code
                || ' was deducted as charges by the banks on the way.'
            else
                'Expected ' || {{ amount_text('expected_amount') }} || ' ' || currency_code || ', reported '
                || {{ amount_text('matched_amount') }} || ': no rule explains the difference.'
        end || coalesce(' ' || value_note, '') as explanation,

        ---------- numerics
        expected_amount,
        matched_amount,
        residual_amount,
        score,
        margin,

        ---------- booleans
        is_exchangeable,

        ---------- timestamps
        last_known_at as matched_at
    from match_groups
    union all
    select
        match_id,
        leg_code,
        recon_key,
        tenant,
        'suggested' as match_kind,
        'suggested' as status_code,
        {{ cardinality_of('expectation_count', 'evidence_count') }} as cardinality,
        rule_id,
        coalesce(rule_version, 0) as rule_version,
        'UNEXPLAINED' as residual_class,
        currency_code,
        explanation,
        expected_amount,
        {{ money('0') }} as matched_amount,
        {{ money('0') }} as residual_amount,
        score,
        margin,
        is_exchangeable,
        cast(null as timestamp) as matched_at
    from suggested_groups
)

select * from final
