-- Grain: one row per row of planned billing periods as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_billing_plans__unioned.

with {{ latest_rows(ref('int_billing_plans__unioned')) }}

select * from latest_rows
where not _is_deleted
