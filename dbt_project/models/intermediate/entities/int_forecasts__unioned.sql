-- Grain: one row per stored version of a forecast of an opportunity on a day, from every source that has them.
-- Trap: all versions are here; int_forecasts__latest has the current ones.

with unioned as (
    {{ union_sources('forecasts') }}
)

select * from unioned
