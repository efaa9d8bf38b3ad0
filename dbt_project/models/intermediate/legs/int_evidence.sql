-- Grain: one row per evidence row of any leg: what a system reported.
-- Trap: anchor_key is null where the row names no order line that is known: then it is in no group.

with unioned as (
    {%- for leg_code in var('leg_codes') %}
    select * from {{ ref('int_evidence__' ~ leg_code) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

test_orders as (
    select recon_key from {{ ref('int_orders') }}
    where is_test
),

final as (
    select
        unioned.*,
        test_orders.recon_key is not null as is_test
    from unioned
    left join test_orders
        on unioned.recon_key = test_orders.recon_key
)

select * from final
