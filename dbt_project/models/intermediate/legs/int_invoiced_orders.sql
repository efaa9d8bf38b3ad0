-- Grain: one row per (recon_key, currency_code) of orders that were invoiced or credited, tax included.
-- Trap: provisional invoices count only while an order has no final one; void and draft ones never do.

with invoices as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        invoice_id,
        order_ref,
        currency_code,
        coalesce(kind_code, 'invoice') = 'credit_memo' as is_credit,
        is_provisional,
        {{ money('abs(total_amount)') }} as total_amount,
        due_on
    from {{ ref('int_invoices__latest') }}
    where coalesce(native_status, 'open') not in ('void', 'draft')
),

-- A consolidated invoice names its orders on its lines.
lines_of_consolidated as (
    select
        invoices.source,
        invoices.tenant,
        invoices.source_system,
        invoices.source_instance,
        invoice_lines.order_ref,
        invoices.currency_code,
        invoices.is_credit,
        invoices.is_provisional,
        {{ money('sum(invoice_lines.net_amount + coalesce(invoice_lines.tax_amount, 0))') }} as signed_amount,
        max(invoices.due_on) as due_on
    from invoices
    inner join {{ ref('int_invoice_lines__latest') }} as invoice_lines
        on invoices.source = invoice_lines.source
        and invoices.tenant = invoice_lines.tenant
        and invoices.source_system = invoice_lines.source_system
        and invoices.source_instance = invoice_lines.source_instance
        and invoices.invoice_id = invoice_lines.invoice_id
    where invoices.order_ref is null
        and invoice_lines.order_ref is not null
    group by
        invoices.source, invoices.tenant, invoices.source_system, invoices.source_instance,
        invoices.invoice_id, invoice_lines.order_ref, invoices.currency_code, invoices.is_credit,
        invoices.is_provisional
),

invoiced as (
    select
        tenant,
        source_system,
        source_instance,
        order_ref,
        currency_code,
        is_credit,
        is_provisional,
        total_amount,
        due_on
    from invoices
    where order_ref is not null
    union all
    select
        tenant,
        source_system,
        source_instance,
        order_ref,
        currency_code,
        is_credit,
        is_provisional,
        {{ money('abs(signed_amount)') }} as total_amount,
        due_on
    from lines_of_consolidated
),

{{ resolved_refs('invoiced') }},

summed as (
    select
        recon_key,
        currency_code,
        {{ money('sum(case when not is_credit and not is_provisional then total_amount else 0 end)') }} as final_amount,
        {{ money('sum(case when not is_credit and is_provisional then total_amount else 0 end)') }}
            as provisional_amount,
        {{ money('sum(case when is_credit then total_amount else 0 end)') }} as credited_amount,
        max(case when not is_credit and not is_provisional then 1 else 0 end) as has_final,
        max(case when not is_credit and is_provisional then 1 else 0 end) as has_provisional,
        max(case when not is_credit and not is_provisional then due_on end) as last_due_on
    from resolved
    where recon_key is not null
    group by recon_key, currency_code
),

final as (
    select
        ---------- keys
        recon_key,
        currency_code,

        ---------- numerics
        case when has_final = 1 then final_amount else provisional_amount end as invoiced_amount,
        credited_amount,

        ---------- booleans
        has_final = 1 or has_provisional = 1 as is_invoiced,
        has_provisional = 1 and has_final = 0 as is_only_provisional,

        ---------- dates
        last_due_on
    from summed
)

select * from final
