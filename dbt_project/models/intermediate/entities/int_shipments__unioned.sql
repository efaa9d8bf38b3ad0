-- Grain: one row per stored version of a row of shipments, from every source that has them.
-- Trap: all versions are here; int_shipments__latest has the current ones.

with unioned as (
    {{ union_sources('shipments') }}
)

select * from unioned
