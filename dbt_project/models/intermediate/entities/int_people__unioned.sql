-- Grain: one row per stored version of a row of people, from every source that has them.
-- Trap: all versions are here; int_people__latest has the current ones.

with unioned as (
    {{ union_sources('people') }}
)

select * from unioned
