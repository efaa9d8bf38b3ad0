-- Grain: one row per stored version of a row of settlement batches, from every source that has them.
-- Trap: all versions are here; int_settlement_batches__latest has the current ones.

with unioned as (
    {{ union_sources('settlement_batches') }}
)

select * from unioned
