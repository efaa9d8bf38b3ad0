-- Grain: one row per stored version of a row of documents at targets, from every source that has them.
-- Trap: all versions are here; int_target_documents__latest has the current ones.

with unioned as (
    {{ union_sources('target_documents') }}
)

select * from unioned
