-- Grain: one row per stored version of a row of completeness, from every source that has them.
-- Trap: all versions are here; int_completeness__latest has the current ones.

with unioned as (
    {{ union_sources('completeness') }}
)

select * from unioned
