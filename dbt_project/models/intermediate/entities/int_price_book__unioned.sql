-- Grain: one row per stored version of a row of prices, from every source that has them.
-- Trap: all versions are here; int_price_book__latest has the current ones.

with unioned as (
    {{ union_sources('price_book') }}
)

select * from unioned
