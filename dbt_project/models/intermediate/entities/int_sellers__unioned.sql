-- Grain: one row per stored version of a row of sellers, from every source that has them.
-- Trap: all versions are here; int_sellers__latest has the current ones.

with unioned as (
    {{ union_sources('sellers') }}
)

select * from unioned
