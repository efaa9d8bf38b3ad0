-- Grain: one row per stored version of a row of contracts, from every source that has them.
-- Trap: all versions are here; int_contracts__latest has the current ones.

with unioned as (
    {{ union_sources('contracts') }}
)

select * from unioned
