-- Harm prevented: an amount that is expected or reported is lost between the legs and their groups.
-- Per leg and currency: expected = matched + open + residual, and both sides are what went in.

with expected as (
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
        {{ money('sum(actual_amount)') }} as amount
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
where grouped.expected_amount <> grouped.matched_amount + grouped.open_amount + grouped.residual_amount
    or grouped.expected_amount + grouped.voided_amount <> coalesce(expected.amount, 0)
    or grouped.matched_amount <> coalesce(reported.amount, 0)
