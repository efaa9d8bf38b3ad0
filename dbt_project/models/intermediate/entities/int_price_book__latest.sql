-- Grain: one row per row of prices as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_price_book__unioned.

with {{ latest_rows(ref('int_price_book__unioned')) }}

select * from latest_rows
where not _is_deleted
