-- Grain: one row per delivery of a file.
-- Trap: a duplicate delivery has the same file_id as the first and loaded nothing.

{{ config(materialized='view') }}

with files as (
    select * from {{ ref('stg_landing__files') }}
)

select * from files
