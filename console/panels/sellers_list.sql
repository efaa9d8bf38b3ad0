-- Grain: one row a seller and currency.
select
    seller_id,
    currency_code,
    cast(sum(order_count) as bigint) as order_count,
    sum(net_amount) as net_amount,
    cast(sum(split_agreed_count) as decimal(18, 6)) / nullif(sum(split_count), 0) as split_rate,
    cast(sum(payout_agreed_count) as decimal(18, 6)) / nullif(sum(payout_count), 0) as payout_rate,
    cast(sum(exception_count) as bigint) as exception_count,
    sum(leak_amount) as leak_amount
from fct_seller_daily_metrics
where ordered_on >= $from_on
    and ($tier = '' or customer_tier = $tier)
group by seller_id, currency_code
order by exception_count desc, net_amount desc, seller_id
