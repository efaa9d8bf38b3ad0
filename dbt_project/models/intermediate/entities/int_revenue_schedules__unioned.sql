-- Grain: one row per stored version of a row of revenue schedule lines, from every source that has them.
-- Trap: all versions are here; int_revenue_schedules__latest has the current ones.

with unioned as (
    {{ union_sources('revenue_schedules') }}
)

select * from unioned
