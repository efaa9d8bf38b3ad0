-- Grain: one row a seller and currency.
with sold as (
    select
        fct_order_lines.seller_id,
        fct_orders.currency_code,
        fct_orders.recon_key,
        sum(fct_order_lines.net_amount) as net_amount
    from fct_order_lines
    inner join fct_orders
        on fct_order_lines.recon_key = fct_orders.recon_key
        and fct_order_lines.version_no = fct_orders.version_no
    where fct_order_lines.seller_id is not null and not fct_order_lines.is_cancelled
        and not fct_orders.is_test and not fct_orders.is_synthetic
        and fct_orders.ordered_at >= $from_on
        and ($tier = '' or fct_orders.customer_tier = $tier)
    group by all
),

legs as (
    select
        recon_key,
        bool_and(status_code in ('matched', 'void')) filter (where leg_code = 'seller_split')
            as is_split,
        bool_and(status_code in ('matched', 'void')) filter (where leg_code = 'payout')
            as is_paid_out
    from fct_order_legs
    where leg_code in ('seller_split', 'payout')
    group by recon_key
),

wrong as (
    select recon_key, count(*) as exception_count, sum(leak_amount) as leak_amount
    from fct_exceptions
    where leg_code in ('seller_split', 'payout') or family_code = 'marketplace'
    group by recon_key
)

select
    sold.seller_id,
    sold.currency_code,
    count(*) as order_count,
    sum(sold.net_amount) as net_amount,
    cast(count(*) filter (where legs.is_split) as decimal(18, 6))
        / nullif(count(legs.is_split), 0) as split_rate,
    cast(count(*) filter (where legs.is_paid_out) as decimal(18, 6))
        / nullif(count(legs.is_paid_out), 0) as payout_rate,
    cast(coalesce(sum(wrong.exception_count), 0) as bigint) as exception_count,
    coalesce(sum(wrong.leak_amount), 0) as leak_amount
from sold
left join legs on sold.recon_key = legs.recon_key
left join wrong on sold.recon_key = wrong.recon_key
group by sold.seller_id, sold.currency_code
order by exception_count desc, net_amount desc, sold.seller_id
