-- Grain: one row per stored version of a row of bank statement lines, from every source that has them.
-- Trap: all versions are here; int_bank_lines__latest has the current ones.

with unioned as (
    {{ union_sources('bank_lines') }}
)

select * from unioned
