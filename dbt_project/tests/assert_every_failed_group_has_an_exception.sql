-- Harm prevented: an order is held as an exception and nobody is told why.
-- One fact may fail two legs of an order and is told once, so an order is looked for, not a leg of it.
-- Synthetic orders are told nobody: fct_synthetic_results has them.

with told_orders as (
    -- distinct: an order may have several exceptions
    select distinct recon_key
    from {{ ref('int_exceptions') }}
    where recon_key is not null
),

told_groups as (
    -- distinct: a group may give several exceptions
    select distinct match_id
    from {{ ref('int_exceptions') }}
    where match_id is not null
)

select
    match_groups.match_id,
    match_groups.leg_code,
    match_groups.recon_key
from {{ ref('int_match_groups') }} as match_groups
left join told_orders
    on match_groups.recon_key = told_orders.recon_key
left join told_groups
    on match_groups.match_id = told_groups.match_id
where match_groups.status_code = 'exception'
    and told_orders.recon_key is null
    and told_groups.match_id is null
    and not {{ is_synthetic('match_groups.tenant') }}
