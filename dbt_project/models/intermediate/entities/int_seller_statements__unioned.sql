-- Grain: one row per stored version of a row of seller statements, from every source that has them.
-- Trap: all versions are here; int_seller_statements__latest has the current ones.

with unioned as (
    {{ union_sources('seller_statements') }}
)

select * from unioned
