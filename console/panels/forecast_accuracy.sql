-- Grain: one row a closing month, account owner and currency: the last word on each opportunity.
select
    cohort_on,
    sales_owner_id,
    segment,
    currency_code,
    sum(committed_count) as committed_count,
    sum(committed_amount) as committed_amount,
    sum(reconciled_amount) as reconciled_amount,
    sum(error_amount) as error_amount,
    cast(sum(mean_error_rate * committed_count) / nullif(sum(committed_count), 0) as decimal(18, 6)) as error_rate
from fct_forecast_accuracy
where horizon_code = 'closing' and committed_count > 0
    and cohort_on >= cast($from_on as date)
    and ($segment = '' or segment = $segment)
    and ($tier = '' or customer_tier = $tier)
group by cohort_on, sales_owner_id, segment, currency_code
order by cohort_on desc, currency_code = $currency desc, sales_owner_id, segment, currency_code
