-- Grain: one row per (tenant, scope_kind, scope_code, order_ref), only for ids that several orders of a tenant bear.
-- Trap: a scope in which the id is still not unique is left out: then the reference stays ambiguous.

with order_documents as (
    select
        tenant,
        source_system,
        source_instance,
        order_ref,
        recon_key
    from {{ ref('int_order_documents') }}
    where recon_key is not null
),

ambiguous_refs as (
    select
        tenant,
        order_ref
    from {{ ref('int_order_aliases') }}
    where candidate_count > 1
),

ambiguous_documents as (
    select order_documents.*
    from order_documents
    inner join ambiguous_refs
        on order_documents.tenant = ambiguous_refs.tenant
        and order_documents.order_ref = ambiguous_refs.order_ref
),

scoped as (
    select
        tenant,
        'system_instance' as scope_kind,
        source_system || {{ separator() }} || source_instance as scope_code,
        order_ref,
        recon_key
    from ambiguous_documents
    union all
    select
        tenant,
        'instance' as scope_kind,
        source_instance as scope_code,
        order_ref,
        recon_key
    from ambiguous_documents
    where source_instance <> ''
),

final as (
    select
        tenant,
        scope_kind,
        scope_code,
        order_ref,
        min(recon_key) as recon_key
    from scoped
    group by tenant, scope_kind, scope_code, order_ref
    having count(distinct recon_key) = 1
)

select * from final
