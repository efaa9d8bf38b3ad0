-- Grain: one row per match group that has evidence: what was compared under one key, and the verdict.
-- Trap: a group with status exception is a comparison that failed: match_kind is none there.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where evidence_count > 0
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
        case
            when expectation_count = 0 then '0:' || case when evidence_count = 1 then '1' else 'n' end
            else case when expectation_count = 1 then '1' else 'n' end
                || ':' || case when evidence_count = 1 then '1' else 'n' end
        end as cardinality,
        deciding_rule_id as rule_id,
        coalesce(rule_version, 0) as rule_version,
        residual_class,
        currency_code,
        case
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
                || ', within the tolerance of ' || {{ amount_text('tolerance_amount') }} || '.'
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
        end as explanation,

        ---------- numerics
        expected_amount,
        matched_amount,
        residual_amount,
        cast(null as decimal(9, 6)) as margin,

        ---------- timestamps
        last_known_at as matched_at
    from match_groups
)

select * from final
