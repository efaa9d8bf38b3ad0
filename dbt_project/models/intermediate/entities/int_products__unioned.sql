-- Grain: one row per stored version of a row of products, from every source that has them.
-- Trap: all versions are here; int_products__latest has the current ones.

with unioned as (
    {{ union_sources('products') }}
)

select * from unioned
