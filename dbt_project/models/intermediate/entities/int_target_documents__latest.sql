-- Grain: one row per row of documents at targets as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_target_documents__unioned.

with {{ latest_rows(ref('int_target_documents__unioned')) }}

select * from latest_rows
where not _is_deleted
