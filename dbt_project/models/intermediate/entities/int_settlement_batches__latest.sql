-- Grain: one row per row of settlement batches as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_settlement_batches__unioned.

with {{ latest_rows(ref('int_settlement_batches__unioned')) }}

select * from latest_rows
where not _is_deleted
