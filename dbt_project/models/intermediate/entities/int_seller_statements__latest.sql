-- Grain: one row per row of seller statements as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_seller_statements__unioned.

with {{ latest_rows(ref('int_seller_statements__unioned')) }}

select * from latest_rows
where not _is_deleted
