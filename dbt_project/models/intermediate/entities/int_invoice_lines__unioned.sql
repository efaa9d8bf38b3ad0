-- Grain: one row per stored version of a row of invoice lines, from every source that has them.
-- Trap: all versions are here; int_invoice_lines__latest has the current ones.

with unioned as (
    {{ union_sources('invoice_lines') }}
)

select * from unioned
