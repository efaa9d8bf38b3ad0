-- Grain: one row per (tenant, invoice_ref, currency_code, order_ref): what an invoice asks for each of its orders.
-- Trap: an invoice is found by its id and by its number; where both are one text it is here once.

with invoices as (
    select
        source,
        tenant,
        source_system,
        source_instance,
        invoice_id,
        invoice_no,
        order_ref,
        currency_code,
        total_amount
    from {{ ref('int_invoices__latest') }}
    where coalesce(native_status, 'open') not in ('void', 'draft')
        and coalesce(kind_code, 'invoice') <> 'credit_memo'
),

-- Only payments that name an invoice and no order ask for this: most tenants have none.
invoices_asked_for as (
    -- distinct: an invoice may be paid in parts
    select distinct
        tenant,
        invoice_ref
    from {{ ref('int_payments__latest') }}
    where order_ref is null
        and invoice_ref is not null
),

-- union, not union all: an invoice whose number is its id is found once
named_invoices as (
    select
        invoices.*,
        invoices_asked_for.invoice_ref
    from invoices
    inner join invoices_asked_for
        on invoices.tenant = invoices_asked_for.tenant
        and invoices.invoice_id = invoices_asked_for.invoice_ref
    union
    select
        invoices.*,
        invoices_asked_for.invoice_ref
    from invoices
    inner join invoices_asked_for
        on invoices.tenant = invoices_asked_for.tenant
        and invoices.invoice_no = invoices_asked_for.invoice_ref
),

lines_summed_to_orders as (
    select
        named_invoices.tenant,
        named_invoices.invoice_ref,
        named_invoices.currency_code,
        coalesce(invoice_lines.order_ref, named_invoices.order_ref) as order_ref,
        {{ money('sum(invoice_lines.net_amount + coalesce(invoice_lines.tax_amount, 0))') }} as share_amount
    from named_invoices
    inner join {{ ref('int_invoice_lines__latest') }} as invoice_lines
        on named_invoices.source = invoice_lines.source
        and named_invoices.tenant = invoice_lines.tenant
        and named_invoices.source_system = invoice_lines.source_system
        and named_invoices.source_instance = invoice_lines.source_instance
        and named_invoices.invoice_id = invoice_lines.invoice_id
    group by
        named_invoices.tenant, named_invoices.invoice_ref, named_invoices.currency_code,
        coalesce(invoice_lines.order_ref, named_invoices.order_ref)
),

invoices_with_lines as (
    -- distinct: an invoice has many lines
    select distinct
        tenant,
        invoice_ref
    from lines_summed_to_orders
),

shares as (
    select * from lines_summed_to_orders
    where order_ref is not null
    union all
    select
        named_invoices.tenant,
        named_invoices.invoice_ref,
        named_invoices.currency_code,
        named_invoices.order_ref,
        {{ money('sum(named_invoices.total_amount)') }} as share_amount
    from named_invoices
    left join invoices_with_lines
        on named_invoices.tenant = invoices_with_lines.tenant
        and named_invoices.invoice_ref = invoices_with_lines.invoice_ref
    where invoices_with_lines.tenant is null
        and named_invoices.order_ref is not null
    group by
        named_invoices.tenant, named_invoices.invoice_ref, named_invoices.currency_code, named_invoices.order_ref
),

final as (
    select
        ---------- keys
        tenant,
        invoice_ref,
        currency_code,
        order_ref,

        ---------- numerics
        row_number() over (
            partition by tenant, invoice_ref, currency_code
            order by order_ref nulls last
        ) as share_no,
        share_amount,
        {{ money("""
            coalesce(
                sum(share_amount) over (
                    partition by tenant, invoice_ref, currency_code
                    order by order_ref nulls last
                    rows between unbounded preceding and 1 preceding
                ),
                0
            )
        """) }} as amount_before,

        ---------- booleans
        row_number() over (
            partition by tenant, invoice_ref, currency_code
            order by order_ref desc nulls last
        ) = 1 as is_last
    from shares
)

select * from final
