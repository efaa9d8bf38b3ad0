-- Grain: one row per stored version of a row of planned billing periods, from every source that has them.
-- Trap: all versions are here; int_billing_plans__latest has the current ones.

with unioned as (
    {{ union_sources('billing_plans') }}
)

select * from unioned
