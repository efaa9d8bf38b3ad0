-- Grain: one row per row of revenue schedule lines as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_revenue_schedules__unioned.

with {{ latest_rows(ref('int_revenue_schedules__unioned')) }}

select * from latest_rows
where not _is_deleted
