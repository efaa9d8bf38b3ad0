-- Harm prevented: a join that meets a key twice doubles rows, and with them money.
-- Rows and sums before and after each join must agree; a failing row names the join.

with checks as (
    select
        'order documents to the registry' as join_name,
        (select count(*) from {{ ref('int_order_documents__normalised') }}) as rows_before,
        (select count(*) from {{ ref('int_order_documents') }}) as rows_after,
        cast(0 as decimal(38, 6)) as sum_before,
        cast(0 as decimal(38, 6)) as sum_after
    union all
    select
        'order lines to documents' as join_name,
        (select count(*) from {{ ref('int_order_lines__unioned') }}) as rows_before,
        (select count(*) from {{ ref('int_order_lines__keyed') }}) as rows_after,
        cast((select coalesce(sum(quantity), 0) from {{ ref('int_order_lines__unioned') }}) as decimal(38, 6)) as sum_before,
        cast((select coalesce(sum(quantity), 0) from {{ ref('int_order_lines__keyed') }}) as decimal(38, 6)) as sum_after
    union all
    select
        'current orders to customers, terms and policies' as join_name,
        (select count(*) from {{ ref('int_order_versions') }} where is_current) as rows_before,
        (select count(*) from {{ ref('int_orders') }}) as rows_after,
        cast((select coalesce(sum(total_amount), 0) from {{ ref('int_order_versions') }} where is_current) as decimal(38, 6)) as sum_before,
        cast((select coalesce(sum(total_amount), 0) from {{ ref('int_orders') }}) as decimal(38, 6)) as sum_after
    union all
    select
        'orders to payment windows' as join_name,
        (
            select count(*) from {{ ref('int_orders') }}
            where has_total
                and not is_test
                and status_code not in ('draft', 'deleted')
                and tenant in (select tenant from {{ ref('int_legs_in_use') }} where leg_code = 'payment')
        ) as rows_before,
        (select count(*) from {{ ref('int_expectations') }} where leg_code = 'payment') as rows_after,
        cast(0 as decimal(38, 6)) as sum_before,
        cast(0 as decimal(38, 6)) as sum_after
    union all
    select
        'expectations to windows, products and shipments: one a group' as join_name,
        (
            select count(*) from {{ ref('int_match_groups') }}
            where expectation_count > 0
                and not is_assigned
                and leg_code in ('payment', 'fulfilment', 'seller_split')
        ) as rows_before,
        (
            select cast(sum(expectation_count) as bigint) from {{ ref('int_match_groups') }}
            where not is_assigned
                and leg_code in ('payment', 'fulfilment', 'seller_split')
        ) as rows_after,
        cast(0 as decimal(38, 6)) as sum_before,
        cast(0 as decimal(38, 6)) as sum_after
    union all
    select
        'orders to states and exceptions' as join_name,
        (select count(*) from {{ ref('int_orders') }}) as rows_before,
        (select count(*) from {{ ref('fct_orders') }}) as rows_after,
        cast((select coalesce(sum(total_amount), 0) from {{ ref('int_orders') }}) as decimal(38, 6)) as sum_before,
        cast((select coalesce(sum(total_amount), 0) from {{ ref('fct_orders') }}) as decimal(38, 6)) as sum_after
)

select
    join_name,
    rows_before,
    rows_after,
    sum_before,
    sum_after
from checks
where rows_before <> coalesce(rows_after, 0)
    or sum_before <> sum_after
