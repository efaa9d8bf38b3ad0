-- Grain: one row per row of declared lists of targets as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_target_listings__unioned.

with {{ latest_rows(ref('int_target_listings__unioned')) }}

select * from latest_rows
where not _is_deleted
