-- Grain: one row per (tenant, invoice_ref, currency_code, order_ref): what an invoice or a credit memo that a payment
-- names is about for each of its orders.
-- Trap: a document is found by its id and by its number; where both are one text it is here once. A credit memo that
-- bears the number of its invoice is not named by it. credit_amount is what any credit memo gives the order.

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
        coalesce(kind_code, 'invoice') = 'credit_memo' as is_credit,
        total_amount
    from {{ ref('int_invoices__latest') }}
    where coalesce(native_status, 'open') not in ('void', 'draft')
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

asking_tenants as (
    -- distinct: a tenant has many such payments
    select distinct tenant from invoices_asked_for
),

-- What was credited by any document counts for the order, under no reference of its own.
documents as (
    select * from named_invoices
    union all
    select
        invoices.*,
        '' as invoice_ref
    from invoices
    inner join asking_tenants
        on invoices.tenant = asking_tenants.tenant
    where invoices.is_credit
),

documents_with_lines as (
    select
        documents.tenant,
        documents.invoice_ref,
        documents.currency_code,
        documents.is_credit,
        coalesce(invoice_lines.order_ref, documents.order_ref) as order_ref,
        {{ money("""
            case
                when invoice_lines.invoice_id is null then documents.total_amount
                else invoice_lines.net_amount + coalesce(invoice_lines.tax_amount, 0)
            end
        """) }} as asked_amount
    from documents
    left join {{ ref('int_invoice_lines__latest') }} as invoice_lines
        on documents.source = invoice_lines.source
        and documents.tenant = invoice_lines.tenant
        and documents.source_system = invoice_lines.source_system
        and documents.source_instance = invoice_lines.source_instance
        and documents.invoice_id = invoice_lines.invoice_id
),

shares as (
    select
        tenant,
        invoice_ref,
        currency_code,
        order_ref,
        is_credit,
        {{ money('abs(sum(asked_amount))') }} as share_amount
    from documents_with_lines
    where order_ref is not null
    group by tenant, invoice_ref, currency_code, order_ref, is_credit
),

references_of_invoices as (
    -- distinct: an invoice may be about several orders
    select distinct
        tenant,
        invoice_ref
    from shares
    where not is_credit
),

final as (
    select
        ---------- keys
        shares.tenant,
        shares.invoice_ref,
        shares.currency_code,
        shares.order_ref,

        ---------- numerics
        shares.share_amount,
        case
            when shares.is_credit then {{ money('0') }}
            else {{ money('least(coalesce(credits.share_amount, 0), shares.share_amount)') }}
        end as credit_amount,

        ---------- booleans
        shares.is_credit
    from shares
    left join shares as credits
        on shares.tenant = credits.tenant
        and shares.currency_code = credits.currency_code
        and shares.order_ref = credits.order_ref
        and credits.invoice_ref = ''
    left join references_of_invoices
        on shares.tenant = references_of_invoices.tenant
        and shares.invoice_ref = references_of_invoices.invoice_ref
    where shares.invoice_ref <> ''
        and not (shares.is_credit and references_of_invoices.tenant is not null)
)

select * from final
