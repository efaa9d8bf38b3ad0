-- Grain: one row per row of sellers as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_sellers__unioned.

with {{ latest_rows(ref('int_sellers__unioned')) }}

select * from latest_rows
where not _is_deleted
