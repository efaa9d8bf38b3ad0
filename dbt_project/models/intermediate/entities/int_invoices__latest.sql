-- Grain: one row per row of invoice headers as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_invoices__unioned.

with {{ latest_rows(ref('int_invoices__unioned')) }}

select * from latest_rows
where not _is_deleted
