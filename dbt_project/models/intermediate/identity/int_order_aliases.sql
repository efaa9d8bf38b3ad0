-- Grain: one row per (tenant, order_ref): what an id means when nothing else is known about it.
-- Trap: recon_key is null where several orders bear the id; int_order_aliases__scoped may still tell them apart.

with order_documents as (
    select
        tenant,
        order_ref,
        recon_key
    from {{ ref('int_order_documents') }}
    where recon_key is not null
),

final as (
    select
        tenant,
        order_ref,
        case when count(distinct recon_key) = 1 then min(recon_key) end as recon_key,
        cast(count(distinct recon_key) as bigint) as candidate_count
    from order_documents
    group by tenant, order_ref
)

select * from final
