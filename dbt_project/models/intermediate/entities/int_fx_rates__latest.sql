-- Grain: one row per row of currency rates as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_fx_rates__unioned.

with {{ latest_rows(ref('int_fx_rates__unioned')) }}

select * from latest_rows
where not _is_deleted
