-- Grain: one row per row of completeness as it is now; deleted rows are left out.
-- Trap: what was known earlier is in int_completeness__unioned.

with stored as (
    select * from {{ ref('int_completeness__unioned') }}
),

{{ latest_rows('stored') }}

select * from latest_rows
where not _is_deleted
