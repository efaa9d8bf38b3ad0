-- Grain: one row per counterparty, rule, currency and day whose budget of tolerated shortages is used up.
-- Trap: the shortages beyond the budget are exceptions of their own; what is told here is what was let pass.

with shortages as (
    select * from {{ ref('int_tolerated_shortages') }}
),

budgets as (
    select
        leg_code,
        tenant,
        party_code,
        rule_id,
        currency_code,
        tolerated_on,
        max(daily_budget_amount) as daily_budget_amount,
        {{ money('sum(missing_amount)') }} as missing_amount,
        {{ money('sum(case when is_within_budget then missing_amount else 0 end)') }} as tolerated_amount,
        cast(sum(case when is_within_budget then 0 else 1 end) as bigint) as refused_count,
        max(last_event_at) as last_event_at
    from shortages
    group by leg_code, tenant, party_code, rule_id, currency_code, tolerated_on
),

final as (
    select
        ---------- keys
        'CTL_TOLERANCE_BUDGET' as exception_code,
        leg_code,
        tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        '' as line_key,
        rule_id || ' ' || party_code || ' ' || currency_code || ' '
        || cast(tolerated_on as {{ dbt.type_string() }}) as fact_key,
        party_code as native_ref,
        '' as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        currency_code,
        'The tolerance for ' || case when party_code = '' then 'orders without a customer' else party_code end
        || ' on ' || cast(tolerated_on as {{ dbt.type_string() }}) || ' is used up: '
        || {{ amount_text('tolerated_amount') }} || ' of ' || {{ amount_text('daily_budget_amount') }} || ' '
        || currency_code || ' was let pass, ' || cast(refused_count as {{ dbt.type_string() }})
        || ' further shortages were not.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        tolerated_amount as leak_amount,
        daily_budget_amount as expected_value_amount,
        missing_amount as actual_value_amount,

        ---------- timestamps
        last_event_at as opened_at
    from budgets
    where refused_count > 0
)

select * from final
