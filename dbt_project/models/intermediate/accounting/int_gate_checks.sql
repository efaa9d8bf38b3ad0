-- Grain: one row per run, suite and expectation of the Great Expectations gates.
-- Trap: evaluated_count is of the rows that were new in that run.

{{ config(materialized='view') }}

with validation_results as (
    select * from {{ ref('stg_gates__validation_results') }}
)

select * from validation_results
