-- Grain: one row per stored version of a row of declared lists of targets, from every source that has them.
-- Trap: all versions are here; int_target_listings__latest has the current ones.

with unioned as (
    {{ union_sources('target_listings') }}
)

select * from unioned
