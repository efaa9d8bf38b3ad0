-- Grain: one row per stored version of a row of currency rates, from every source that has them.
-- Trap: all versions are here; int_fx_rates__latest has the current ones.

with unioned as (
    {{ union_sources('fx_rates') }}
)

select * from unioned
