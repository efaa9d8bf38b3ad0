-- Grain: one row per recon_key: the canonical order in its current version (R-B1).
-- Trap: total_amount is null where the source cannot say it (no items): null is unknown, not zero.

with order_versions as (
    select * from {{ ref('int_order_versions') }}
    where is_current
),

order_lines as (
    select
        recon_key,
        version_no,
        count(*) as line_count,
        max(case when tax_amount <> 0 then 2 else 1 end) as least_rounding_count,
        {{ money('sum(net_amount)') }} as net_amount,
        {{ money('sum(case when is_cancelled then net_amount else 0 end)') }} as cancelled_net_amount,
        {{ money('sum(case when is_cancelled then tax_amount else 0 end)') }} as cancelled_tax_amount
    from {{ ref('int_order_line_versions') }}
    group by recon_key, version_no
),

-- A customer that two systems describe is one customer of the tenant.
customers_of_tenant as (
    select
        tenant,
        customer_id,
        max(customer_tier) as customer_tier,
        max(segment) as segment,
        max(sales_owner_id) as sales_owner_id
    from {{ ref('int_customers__latest') }}
    group by tenant, customer_id
),

payment_terms as (
    select * from {{ ref('payment_terms') }}
),

sla_policies as (
    select * from {{ ref('sla_policies') }}
),

final as (
    select
        ---------- keys
        order_versions.recon_key,
        order_versions.version_no,
        order_versions.tenant,
        order_versions.order_id,
        order_versions.source,
        order_versions.source_system,
        order_versions.source_instance,
        order_versions.customer_id,
        order_versions.contract_id,
        order_versions.opportunity_id,
        coalesce(order_versions.sales_owner_id, customers_of_tenant.sales_owner_id) as sales_owner_id,

        ---------- strings
        order_versions.order_type,
        order_versions.channel,
        order_versions.currency_code,
        order_versions.status_code,
        coalesce(customers_of_tenant.customer_tier, 'unclassified') as customer_tier,
        coalesce(customers_of_tenant.segment, 'unclassified') as segment,

        ---------- numerics
        order_versions.total_amount,
        -- A header that still counts lines that were cancelled since asks for more than is due.
        case
            when coalesce(order_lines.cancelled_net_amount, 0) = 0 then order_versions.total_amount
            when order_versions.total_amount < order_lines.net_amount - coalesce(order_versions.discount_amount, 0)
            then order_versions.total_amount
            when order_versions.is_tax_included
            then {{ money('order_versions.total_amount - order_lines.cancelled_net_amount') }}
            else {{ money("""
                order_versions.total_amount - order_lines.cancelled_net_amount - order_lines.cancelled_tax_amount
            """) }}
        end as due_amount,
        order_versions.shipping_amount,
        order_versions.tip_amount,
        order_versions.discount_amount,
        order_versions.tax_amount,
        coalesce(order_lines.line_count, 0) as line_count,
        -- Each line is rounded once; one line that bears tax is rounded for its net and for its tax.
        cast(greatest(
            coalesce(order_lines.line_count, 0),
            case
                when coalesce(order_versions.tax_amount, 0) <> 0 then 2
                else coalesce(order_lines.least_rounding_count, 0)
            end
        ) as bigint) as rounding_count,
        payment_terms.term_days,

        ---------- booleans
        order_versions.is_test,
        {{ is_synthetic('order_versions.tenant') }} as is_synthetic,
        order_versions.is_tax_included,
        order_versions.is_open_for_delivery,
        order_versions.is_due_for_payment,
        order_versions.total_amount is not null as has_total,
        order_lines.recon_key is not null as has_lines,

        ---------- dates
        cast(order_versions.ordered_at as date) as ordered_on,

        ---------- timestamps
        order_versions.ordered_at,
        order_versions.promised_at,
        {{ plus_hours('order_versions.ordered_at', 'sla_policies.target_hours') }} as sla_due_at,
        order_versions.known_from
    from order_versions
    left join order_lines
        on order_versions.recon_key = order_lines.recon_key
        and order_versions.version_no = order_lines.version_no
    left join customers_of_tenant
        on order_versions.tenant = customers_of_tenant.tenant
        and order_versions.customer_id = customers_of_tenant.customer_id
    left join payment_terms
        on {{ payment_terms_key('order_versions.payment_terms') }} = {{ payment_terms_key('payment_terms.payment_terms') }}
    left join sla_policies
        on order_versions.order_type = sla_policies.order_type
        and cast(order_versions.ordered_at as date) >= sla_policies.effective_from
        and cast(order_versions.ordered_at as date) < coalesce(sla_policies.effective_to, {{ end_of_time() }})
)

select * from final
