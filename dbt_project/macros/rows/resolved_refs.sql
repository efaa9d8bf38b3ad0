{#
    CTEs that give each row of a CTE the order that its order_ref names: recon_key, order_ref (normalised),
    ref_status (found, missing, damaged, unknown, ambiguous). The order's own system and instance win over an
    id that is unique in the tenant; nothing is guessed from amounts or dates.
#}
{% macro resolved_refs(relation) -%}
    id_rules as (
        select * from {{ ref('int_id_rules__by_system') }}
    ),

    order_aliases as (
        select * from {{ ref('int_order_aliases') }}
    ),

    scoped_aliases as (
        select * from {{ ref('int_order_aliases__scoped') }}
    ),

    with_normalised_refs as (
        select
            {{ relation }}.*,
            {{ normalised_id(relation ~ '.order_ref', 'id_rules') }} as normalised_ref,
            {{ is_damaged_id(relation ~ '.order_ref', 'id_rules') }} as has_damaged_ref
        from {{ relation }}
        inner join id_rules
            on {{ relation }}.source_system = id_rules.source_system
    ),

    resolved as (
        select
            with_normalised_refs.*,
            case
                when with_normalised_refs.has_damaged_ref then null
                else coalesce(order_aliases.recon_key, by_system.recon_key, by_instance.recon_key)
            end as recon_key,
            case
                when with_normalised_refs.normalised_ref is null then 'missing'
                when with_normalised_refs.has_damaged_ref then 'damaged'
                when coalesce(order_aliases.recon_key, by_system.recon_key, by_instance.recon_key) is not null
                    then 'found'
                when order_aliases.order_ref is null then 'unknown'
                else 'ambiguous'
            end as ref_status
        from with_normalised_refs
        left join order_aliases
            on with_normalised_refs.tenant = order_aliases.tenant
            and with_normalised_refs.normalised_ref = order_aliases.order_ref
        left join scoped_aliases as by_system
            on by_system.scope_kind = 'system_instance'
            and with_normalised_refs.tenant = by_system.tenant
            and with_normalised_refs.source_system || {{ separator() }} || with_normalised_refs.source_instance
                = by_system.scope_code
            and with_normalised_refs.normalised_ref = by_system.order_ref
        left join scoped_aliases as by_instance
            on by_instance.scope_kind = 'instance'
            and with_normalised_refs.tenant = by_instance.tenant
            and with_normalised_refs.source_instance = by_instance.scope_code
            and with_normalised_refs.normalised_ref = by_instance.order_ref
    )
{%- endmacro %}
