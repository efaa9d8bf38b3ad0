-- Grain: one row per declared list of a target, with whether it came whole.
-- Trap: a document that is listed anew under the same moment counts once.

with listed as (
    select
        target_code,
        listed_at,
        cast(count(distinct _row_key) as bigint) as listed_document_count
    from {{ ref('int_target_documents__unioned') }}
    group by target_code, listed_at
),

declared as (
    select
        target_code,
        listed_at,
        declared_document_count
    from {{ ref('int_target_listings__latest') }}
),

counted as (
    select
        declared.target_code,
        declared.listed_at,
        declared.declared_document_count,
        coalesce(listed.listed_document_count, 0) as listed_document_count,
        coalesce(listed.listed_document_count, 0) = declared.declared_document_count as is_complete
    from declared
    left join listed
        on declared.target_code = listed.target_code
        and declared.listed_at = listed.listed_at
),

newest as (
    select
        target_code,
        max(listed_at) as last_listed_at,
        max(case when is_complete then listed_at end) as last_complete_at
    from counted
    group by target_code
),

policies as (
    select * from {{ ref('target_listings') }}
),

final as (
    select
        ---------- keys
        counted.target_code,

        ---------- numerics
        counted.declared_document_count,
        counted.listed_document_count,
        coalesce(own_policies.grace_hours, any_policies.grace_hours) as grace_hours,
        coalesce(own_policies.fresh_hours, any_policies.fresh_hours) as fresh_hours,

        ---------- booleans
        counted.is_complete,
        counted.listed_at = newest.last_listed_at as is_last,
        counted.is_complete and counted.listed_at = newest.last_complete_at as is_last_complete,

        ---------- timestamps
        counted.listed_at
    from counted
    inner join newest
        on counted.target_code = newest.target_code
    inner join policies as any_policies
        on any_policies.target_code = '*'
    left join policies as own_policies
        on counted.target_code = own_policies.target_code
)

select * from final
