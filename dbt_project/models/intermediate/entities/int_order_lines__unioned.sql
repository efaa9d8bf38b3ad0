-- Grain: one row per stored version of a row of order lines, from every source that has them.
-- Trap: all versions are here; int_order_lines__latest has the current ones.

with unioned as (
    {{ union_sources('order_lines') }}
)

select * from unioned
