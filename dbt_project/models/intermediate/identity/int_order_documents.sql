-- Grain: one row per native order document with the reconciliation key that it belongs to.
-- Trap: recon_key is null for a damaged id, a second document of one id, and an amendment of an unknown order.

with order_documents as (
    select * from {{ ref('int_order_documents__normalised') }}
),

recon_keys as (
    select
        recon_key,
        tenant,
        source_system,
        source_instance,
        order_ref
    from {{ ref('int_recon_keys') }}
),

-- An amendment may amend an amendment: each pass doubles how far back is looked, so that five reach the 32nd.
amendments as (
    select
        _row_key,
        tenant,
        source_system,
        source_instance,
        order_ref,
        amends_order_ref as root_order_ref
    from order_documents
    where is_amendment and is_first_of_id
),

{%- set passes = 5 %}
{%- for pass in range(1, passes + 1) %}
{%- set nearer = 'amendments' if loop.first else 'amendments_after_pass_' ~ (pass - 1) %}

amendments_after_pass_{{ pass }} as (
    select
        nearer._row_key,
        nearer.tenant,
        nearer.source_system,
        nearer.source_instance,
        nearer.order_ref,
        coalesce(farther.root_order_ref, nearer.root_order_ref) as root_order_ref
    from {{ nearer }} as nearer
    left join {{ nearer }} as farther
        on nearer.tenant = farther.tenant
        and nearer.source_system = farther.source_system
        and nearer.source_instance = farther.source_instance
        and nearer.root_order_ref = farther.order_ref
),
{%- endfor %}

with_roots as (
    select
        order_documents.source,
        order_documents.stream,
        order_documents.tenant,
        order_documents.source_system,
        order_documents.source_instance,
        order_documents.order_ref,
        order_documents.native_order_id,
        order_documents.is_amendment,
        order_documents.is_damaged,
        order_documents.is_first_of_id,
        case
            when order_documents.is_damaged or not order_documents.is_first_of_id then null
            when order_documents.is_amendment then amendment_roots.root_order_ref
            else order_documents.order_ref
        end as root_order_ref,
        order_documents._row_key,
        order_documents._observed_at
    from order_documents
    left join amendments_after_pass_{{ passes }} as amendment_roots
        on case when order_documents.is_amendment then order_documents._row_key end = amendment_roots._row_key
),

final as (
    select
        ---------- keys
        recon_keys.recon_key,
        with_roots.source,
        with_roots.stream,
        with_roots.tenant,
        with_roots.source_system,
        with_roots.source_instance,
        with_roots.order_ref,
        with_roots.native_order_id,

        ---------- booleans
        with_roots.is_amendment,
        with_roots.is_damaged,
        with_roots.is_first_of_id,

        ---------- provenance
        with_roots._row_key,
        with_roots._observed_at
    from with_roots
    left join recon_keys
        on with_roots.tenant = recon_keys.tenant
        and with_roots.source_system = recon_keys.source_system
        and with_roots.source_instance = recon_keys.source_instance
        and with_roots.root_order_ref = recon_keys.order_ref
)

select * from final
