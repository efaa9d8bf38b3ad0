-- Grain: one row per target that has listed what it holds, by its last list.
-- Trap: findings are documents, counted as the last list of each states them; what is missing is in fct_exceptions alone.

with listings as (
    select * from {{ ref('int_target_listings__counted') }}
),

last_complete as (
    select
        target_code,
        listed_at
    from listings
    where is_last_complete
),

documents_summed as (
    select
        target_code,
        {{ count_if("comparison_code = 'SAME'") }} as same_count,
        {{ count_if('is_finding') }} as finding_count
    from {{ ref('int_target_documents__compared') }}
    group by target_code
),

final as (
    select
        ---------- keys
        listings.target_code,

        ---------- numerics
        listings.declared_document_count,
        listings.listed_document_count,
        coalesce(documents_summed.same_count, 0) as same_count,
        coalesce(documents_summed.finding_count, 0) as finding_count,
        cast(listings.fresh_hours as bigint) as fresh_hours,

        ---------- booleans
        listings.is_complete,

        ---------- timestamps
        listings.listed_at as last_listed_at,
        last_complete.listed_at as last_complete_at
    from listings
    left join last_complete
        on listings.target_code = last_complete.target_code
    left join documents_summed
        on listings.target_code = documents_summed.target_code
    where listings.is_last
)

select * from final
