-- Grain: one row per stored version of a row of invoice headers, from every source that has them.
-- Trap: all versions are here; int_invoices__latest has the current ones.

with unioned as (
    {{ union_sources('invoices') }}
)

select * from unioned
