-- Grain: one row per forecast of an opportunity on a day as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_forecasts__unioned.

with {{ latest_rows(ref('int_forecasts__unioned')) }}

select * from latest_rows
where not _is_deleted
