-- Grain: one row per (tenant, cohort_on, horizon_code, as_of_on, sales_owner_id, segment, customer_tier, currency_code): the
-- opportunities that were to close in a month, as they were forecast on a day, or as they were forecast last.
-- Trap: horizon_code tells days (snapshot) from the last word (closing): never add the two. Amounts of two currencies
-- are never added.

with fct_forecasts as (
    select * from {{ ref('fct_forecasts') }}
),

views_of_forecasts as (
    select
        fct_forecasts.*,
        'snapshot' as horizon_code,
        fct_forecasts.as_of_on as seen_on
    from fct_forecasts
    union all
    select
        fct_forecasts.*,
        'closing' as horizon_code,
        fct_forecasts.cohort_on as seen_on
    from fct_forecasts
    where fct_forecasts.is_last_word
),

final as (
    select
        ---------- keys
        tenant,
        cohort_on,
        horizon_code,
        seen_on as as_of_on,
        sales_owner_id,
        segment,
        customer_tier,
        currency_code,

        ---------- numerics
        count(*) as opportunity_count,
        {{ count_if('is_commit') }} as committed_count,
        {{ money('sum(committed_amount)') }} as committed_amount,
        {{ money('sum(case when is_commit then booked_amount else 0 end)') }} as booked_amount,
        {{ money('sum(case when is_commit then reconciled_amount else 0 end)') }} as reconciled_amount,
        {{ money('sum(case when not is_commit then reconciled_amount else 0 end)') }} as uncommitted_amount,
        {{ money('sum(coalesce(error_amount, 0))') }} as error_amount,
        {{ rate_of('sum(coalesce(absolute_error_rate, 0))', count_if('is_commit')) }} as mean_error_rate
    from views_of_forecasts
    group by tenant, cohort_on, horizon_code, seen_on, sales_owner_id, segment, customer_tier, currency_code
)

select * from final
