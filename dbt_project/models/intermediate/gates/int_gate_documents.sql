-- Grain: one row per live document (an order, or an amendment of one) of an order about to go downstream.
-- Trap: drafts, cancelled and test orders are not here: nothing of them goes anywhere. amount is what the document
-- itself says: of an amendment, what it changes; order_type is that of the order, so an amendment of a renewal is one.

with order_documents as (
    select
        recon_key,
        is_amendment,
        _row_key
    from {{ ref('int_order_documents') }}
    where recon_key is not null
),

headers as (
    select * from {{ ref('int_orders__latest') }}
),

order_statuses as (
    select
        source,
        native_status
    from {{ ref('order_statuses') }}
    where status_code in ('confirmed', 'closed')
),

orders as (
    select * from {{ ref('int_orders') }}
    where not is_test
        and status_code in ('confirmed', 'closed')
),

contracts as (
    -- A contract that two systems describe is one contract of the tenant.
    select
        tenant,
        contract_id,
        max(payment_terms) as payment_terms,
        max(tax_class) as tax_class,
        max(start_on) as start_on,
        max(end_on) as end_on
    from {{ ref('int_contracts__latest') }}
    group by tenant, contract_id
),

final as (
    select
        ---------- keys
        headers._row_key as document_key,
        orders.recon_key,
        orders.version_no,
        orders.tenant,
        orders.order_id,
        headers.order_id as document_id,
        orders.customer_id,
        coalesce(headers.contract_id, orders.contract_id) as contract_id,
        headers.approved_by,
        coalesce(headers.sales_owner_id, orders.sales_owner_id) as sales_owner_id,

        ---------- strings
        orders.order_type,
        orders.segment,
        headers.currency_code,
        lower(replace(replace(trim(headers.payment_terms), ' ', '_'), '-', '_')) as payment_terms,
        lower(replace(replace(trim(contracts.payment_terms), ' ', '_'), '-', '_')) as contract_terms,
        lower(trim(contracts.tax_class)) as contract_tax_class,

        ---------- numerics
        coalesce(headers.total_amount, {{ money('0') }}) as total_amount,
        coalesce(headers.discount_amount, {{ money('0') }}) as discount_amount,

        ---------- booleans
        order_documents.is_amendment,
        contracts.contract_id is not null as has_contract,

        ---------- dates
        cast(headers.ordered_at as date) as ordered_on,
        contracts.start_on as contract_start_on,
        contracts.end_on as contract_end_on
    from order_documents
    inner join headers
        on order_documents._row_key = headers._row_key
    inner join orders
        on order_documents.recon_key = orders.recon_key
    inner join order_statuses
        on headers.source = order_statuses.source
        and coalesce(headers.native_status, 'confirmed') = order_statuses.native_status
    left join contracts
        on orders.tenant = contracts.tenant
        and coalesce(headers.contract_id, orders.contract_id) = contracts.contract_id
)

select * from final
