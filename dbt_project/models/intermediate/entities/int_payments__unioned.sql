-- Grain: one row per stored version of a row of payments, from every source that has them.
-- Trap: all versions are here; int_payments__latest has the current ones.

with unioned as (
    {{ union_sources('payments') }}
)

select * from unioned
