-- Grain: one row per stored version of a row of settlement lines, from every source that has them.
-- Trap: all versions are here; int_settlement_lines__latest has the current ones.

with unioned as (
    {{ union_sources('settlement_lines') }}
)

select * from unioned
