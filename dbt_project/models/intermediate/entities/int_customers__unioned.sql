-- Grain: one row per stored version of a row of customers, from every source that has them.
-- Trap: all versions are here; int_customers__latest has the current ones.

with unioned as (
    {{ union_sources('customers') }}
)

select * from unioned
