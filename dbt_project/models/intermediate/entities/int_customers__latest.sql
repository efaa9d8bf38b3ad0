-- Grain: one row per row of customers as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_customers__unioned.

with {{ latest_rows(ref('int_customers__unioned')) }}

select * from latest_rows
where not _is_deleted
