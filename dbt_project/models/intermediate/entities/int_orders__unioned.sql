-- Grain: one row per stored version of a row of orders, from every source that has them.
-- Trap: all versions are here; int_orders__latest has the current ones.

with unioned as (
    {{ union_sources('orders') }}
)

select * from unioned
