-- Grain: one row per (leg_code, anchor_key, currency_code) of which a little is missing that a tolerance may let pass.
-- Trap: is_within_budget is the verdict: once a counterparty's budget of the day is used up, nothing more is let pass.

with tolerance_budgets as (
    select * from {{ ref('tolerance_budgets') }}
),

orders as (
    select
        recon_key,
        customer_id
    from {{ ref('int_orders') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

members as (
    select
        expectations.leg_code,
        expectations.anchor_key,
        expectations.currency_code,
        expectations.tenant,
        expectations.recon_key,
        expectations.expected_amount,
        {{ money('0') }} as actual_amount,
        expectations.rounding_count,
        expectations.business_on,
        cast(null as timestamp) as event_at
    from {{ ref('int_anchored_expectations') }} as expectations
    where expectations.leg_code in (
            -- distinct: a rule has several versions
            select distinct tolerance_budgets.leg_code from tolerance_budgets
        )
    union all
    select
        evidence.leg_code,
        evidence.anchor_key,
        evidence.currency_code,
        evidence.tenant,
        evidence.recon_key,
        {{ money('0') }} as expected_amount,
        evidence.actual_amount,
        cast(0 as bigint) as rounding_count,
        cast(null as date) as business_on,
        evidence.event_at
    from {{ ref('int_anchored_evidence') }} as evidence
    where evidence.anchor_key is not null
        and not evidence.is_test
        and evidence.leg_code in (
            -- distinct: a rule has several versions
            select distinct tolerance_budgets.leg_code from tolerance_budgets
        )
),

-- Most groups agree exactly and leave here.
shortages as (
    select
        leg_code,
        anchor_key,
        currency_code,
        min(tenant) as tenant,
        min(recon_key) as recon_key,
        {{ money('sum(expected_amount)') }} as expected_amount,
        {{ money('sum(expected_amount) - sum(actual_amount)') }} as missing_amount,
        cast(sum(rounding_count) as bigint) as rounding_count,
        min(business_on) as business_on,
        max(event_at) as last_event_at
    from members
    group by leg_code, anchor_key, currency_code
    having sum(actual_amount) > 0
        and sum(expected_amount) > sum(actual_amount)
),

tolerable as (
    select
        shortages.*,
        tolerance_budgets.rule_id,
        tolerance_budgets.rule_version,
        tolerance_budgets.daily_budget_amount,
        coalesce(orders.customer_id, '') as party_code,
        cast(shortages.last_event_at as date) as tolerated_on
    from shortages
    inner join tolerance_budgets
        on shortages.leg_code = tolerance_budgets.leg_code
        and shortages.business_on >= tolerance_budgets.effective_from
        and shortages.business_on < coalesce(tolerance_budgets.effective_to, {{ end_of_time() }})
    left join orders
        on shortages.recon_key = orders.recon_key
    left join currencies
        on shortages.currency_code = currencies.currency_code
    where shortages.missing_amount <= tolerance_budgets.under_amount
        and shortages.missing_amount <= {{ money(wide('shortages.expected_amount') ~ ' * tolerance_budgets.under_rate') }}
        and shortages.expected_amount >= tolerance_budgets.least_expected_amount
        and shortages.missing_amount > shortages.rounding_count * ({{ half_minor_unit('currencies.exponent') }})
),

spent as (
    select
        tolerable.*,
        {{ money("""
            sum(tolerable.missing_amount) over (
                partition by
                    tolerable.leg_code, tolerable.rule_id, tolerable.tenant, tolerable.party_code,
                    tolerable.currency_code, tolerable.tolerated_on
                order by tolerable.last_event_at nulls last, tolerable.anchor_key nulls last
                rows between unbounded preceding and current row
            )
        """) }} as spent_amount
    from tolerable
),

final as (
    select
        ---------- keys
        leg_code,
        anchor_key,
        currency_code,
        tenant,
        recon_key,
        party_code,

        ---------- strings
        rule_id,
        rule_version,

        ---------- numerics
        missing_amount,
        spent_amount,
        daily_budget_amount,

        ---------- booleans
        spent_amount <= daily_budget_amount as is_within_budget,

        ---------- dates
        tolerated_on,

        ---------- timestamps
        last_event_at
    from spent
)

select * from final
