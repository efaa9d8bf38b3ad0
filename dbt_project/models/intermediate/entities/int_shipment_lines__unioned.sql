-- Grain: one row per stored version of a row of shipment lines, from every source that has them.
-- Trap: all versions are here; int_shipment_lines__latest has the current ones.

with unioned as (
    {{ union_sources('shipment_lines') }}
)

select * from unioned
