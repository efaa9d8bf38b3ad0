-- Grain: one row per row of settlement lines as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_settlement_lines__unioned.

with {{ latest_rows(ref('int_settlement_lines__unioned')) }}

select * from latest_rows
where not _is_deleted
