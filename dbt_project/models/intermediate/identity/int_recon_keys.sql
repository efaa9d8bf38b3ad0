-- Grain: one row per commercial order: the registry of reconciliation keys (R-B1).
-- Trap: append-only. A key is minted from what was first seen and never computed again: fields can change later.

{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false,
        on_schema_change='fail',
    )
}}

with order_documents as (
    select * from {{ ref('int_order_documents__normalised') }}
    where not is_amendment
        and not is_damaged
        and is_first_of_id
        and order_ref is not null
),

{% if is_incremental() -%}
minted as (
    select
        tenant,
        source_system,
        source_instance,
        order_ref
    from {{ this }}
),

{% endif -%}
unminted as (
    select order_documents.*
    from order_documents
    {%- if is_incremental() %}
    left join minted
        on order_documents.tenant = minted.tenant
        and order_documents.source_system = minted.source_system
        and order_documents.source_instance = minted.source_instance
        and order_documents.order_ref = minted.order_ref
    where minted.order_ref is null
    {%- endif %}
),

final as (
    select
        ---------- keys
        {{ deterministic_id('rk1_', ['tenant', 'channel', 'source_system', 'source_instance', 'order_ref']) }}
            as recon_key,
        tenant,
        source_system,
        source_instance,
        order_ref,

        ---------- strings
        channel,
        native_order_id,

        ---------- timestamps
        _observed_at as minted_at
    from unminted
)

select * from final
