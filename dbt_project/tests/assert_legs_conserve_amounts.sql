-- Harm prevented: an amount that is expected or reported is lost between the legs and their groups.
-- Per leg and currency: expected = matched + open + residual, and both sides are what went in.
-- What a decision by hand has replaced is the only change between them.

with decided as (
    select
        leg_code,
        currency_code,
        {{ money("sum(case when side_code = 'expected' then decided_value - stated_value else 0 end)") }} as expected_change,
        {{ money("sum(case when side_code = 'actual' then decided_value - stated_value else 0 end)") }} as actual_change
    from {{ ref('int_decided_values') }}
    where value_code = 'amount'
    group by leg_code, currency_code
),

expected as (
    select
        leg_code,
        currency_code,
        {{ money('sum(expected_amount)') }} as amount
    from {{ ref('int_expectations') }}
    group by leg_code, currency_code
),

reported as (
    select
        leg_code,
        currency_code,
        {{ money('sum(stated_amount)') }} as amount
    from {{ ref('int_anchored_evidence') }}
    where anchor_key is not null
        and not is_test
    group by leg_code, currency_code
),

grouped as (
    select
        leg_code,
        currency_code,
        {{ money('sum(expected_amount)') }} as expected_amount,
        {{ money('sum(matched_amount)') }} as matched_amount,
        {{ money('sum(open_amount)') }} as open_amount,
        {{ money('sum(residual_amount)') }} as residual_amount,
        {{ money('sum(voided_amount)') }} as voided_amount
    from {{ ref('int_match_groups') }}
    group by leg_code, currency_code
)

select
    grouped.leg_code,
    grouped.currency_code,
    expected.amount as expected_before,
    grouped.expected_amount as expected_after,
    reported.amount as reported_before,
    grouped.matched_amount as reported_after,
    grouped.open_amount,
    grouped.residual_amount
from grouped
left join expected
    on grouped.leg_code = expected.leg_code
    and grouped.currency_code = expected.currency_code
left join reported
    on grouped.leg_code = reported.leg_code
    and grouped.currency_code = reported.currency_code
left join decided
    on grouped.leg_code = decided.leg_code
    and grouped.currency_code = decided.currency_code
where grouped.expected_amount <> grouped.matched_amount + grouped.open_amount + grouped.residual_amount
    or grouped.expected_amount + grouped.voided_amount <> coalesce(expected.amount, 0) + coalesce(decided.expected_change, 0)
    or grouped.matched_amount <> coalesce(reported.amount, 0) + coalesce(decided.actual_change, 0)
