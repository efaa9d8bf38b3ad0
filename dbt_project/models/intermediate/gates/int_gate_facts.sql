-- Grain: one row per order about to go downstream: what each gate needs to know of its current version.
-- Trap: a fact that a gate cannot have is null or a count of 0, and then the gate does not judge the order.

with orders as (
    select * from {{ ref('int_orders') }}
    where not is_test
        and status_code in ('confirmed', 'closed')
),

feeds as (
    select * from {{ ref('int_gate_feeds') }}
),

documents as (
    select * from {{ ref('int_gate_documents') }}
),

lines_of_documents as (
    select * from {{ ref('int_gate_lines__summed_to_documents') }}
),

payment_terms as (
    select * from {{ ref('payment_terms') }}
),

deviations as (
    select
        deviations.*,
        approved_by is null or has_limits as is_price_judged,
        case
            when not is_amendment then null
            when approved_by is null then 'missing'
            when approved_by = sales_owner_id then 'self'
            when has_people and not is_authority_known then 'unknown'
            when asked_document_amount > authority_amount and limit_amount is not null then 'limit'
        end as approval_fault
    from {{ ref('int_gate_deviations') }} as deviations
),

exposures as (
    select * from {{ ref('int_gate_exposures') }}
),

deviations_summed_to_orders as (
    select
        recon_key,
        min(compared_currency_code) as compared_currency_code,
        min(case when is_price_judged and asked_price_amount > authority_amount then price_note end)
            as price_beyond_note,
        min(case when is_price_judged and asked_price_amount > authority_amount then authority_id end)
            as price_authority_id,
        cast(sum(case when is_price_judged and asked_price_amount > authority_amount then 1 else 0 end) as bigint)
            as price_beyond_count,
        -- no authority to compare with, or no rate to compare by
        cast(sum(
            case
                when price_deviation_amount > 0
                    and (not is_price_judged or asked_price_amount is null or authority_amount is null)
                then 1 else 0
            end
        ) as bigint) as price_unknown_count,
        {{ money("""
            sum(case when is_price_judged and asked_price_amount > authority_amount then asked_price_amount else 0 end)
        """) }} as price_beyond_amount,
        {{ money("""
            sum(case when is_price_judged and asked_price_amount > authority_amount then authority_amount else 0 end)
        """) }} as price_beyond_authority_amount,
        {{ money('sum(case when is_price_judged then asked_price_amount else 0 end)') }} as price_asked_amount,
        {{ money('sum(case when is_price_judged then authority_amount else 0 end)') }} as price_authority_amount,
        {{ money('sum(price_deviation_amount)') }} as price_deviation_amount,
        {{ money("""
            sum(case when is_price_judged and asked_price_amount > authority_amount then book_amount else 0 end)
        """) }} as price_book_amount,
        {{ money("""
            sum(case when is_price_judged and asked_price_amount > authority_amount then priced_amount else 0 end)
        """) }} as price_priced_amount,
        cast(sum(case when is_amendment then 1 else 0 end) as bigint) as amendment_count,
        cast(sum(case when approval_fault = 'self' then 1 else 0 end) as bigint) as self_approval_count,
        cast(sum(case when approval_fault is not null then 1 else 0 end) as bigint) as approval_fault_count,
        min(
            case approval_fault
                when 'missing' then document_id || ' has no approval'
                when 'unknown' then document_id || ' was approved by ' || approved_by || ', whom nobody knows'
                when 'limit' then document_id || ' of ' || {{ amount_text('document_amount') }} || ' ' || currency_code
                    || ' was approved by ' || approved_by || ', who may approve '
                    || {{ amount_text('round(authority_amount, 2)') }} || ' ' || compared_currency_code
            end
        ) as approval_note,
        min(
            case
                when approval_fault = 'self'
                then document_id || ' was approved by ' || approved_by || ', whose own it is'
            end
        ) as self_approval_note,
        min(case when approval_fault <> 'self' then document_id end) as approval_document_id,
        min(case when approval_fault = 'self' then document_id end) as self_approval_document_id,
        {{ money('sum(case when approval_fault is not null then document_amount else 0 end)') }}
            as approval_fault_amount
    from deviations
    group by recon_key
),

-- The terms of an amendment are its own: they are not compared.
terms_of_orders as (
    select
        documents.recon_key,
        documents.contract_id,
        documents.payment_terms,
        documents.contract_terms,
        documents.has_contract,
        documents.payment_terms is not null and documents.contract_terms is not null as is_terms_judged,
        coalesce(own_terms.term_days, -1) as own_days,
        coalesce(contract_terms.term_days, -1) as contract_days
    from documents
    left join payment_terms as own_terms
        on {{ payment_terms_key('documents.payment_terms') }} = {{ payment_terms_key('own_terms.payment_terms') }}
    left join payment_terms as contract_terms
        on {{ payment_terms_key('documents.contract_terms') }} = {{ payment_terms_key('contract_terms.payment_terms') }}
    where not documents.is_amendment
        and documents.contract_id is not null
),

lines_summed_to_orders as (
    select
        recon_key,
        min(product_note) as product_note,
        min(tax_note) as tax_note,
        min(date_note) as date_note,
        count(*) as document_count,
        cast(sum(priced_count) as bigint) as priced_count,
        cast(sum(product_count) as bigint) as product_count,
        cast(sum(tax_count) as bigint) as tax_count,
        cast(sum(date_count) as bigint) as date_count,
        cast(sum(product_fault_count) as bigint) as product_fault_count,
        cast(sum(tax_fault_count) as bigint) as tax_fault_count,
        cast(sum(date_fault_count) as bigint) as date_fault_count,
        {{ money('sum(product_fault_amount)') }} as product_fault_amount,
        {{ money('sum(tax_fault_amount)') }} as tax_fault_amount,
        {{ money('sum(date_fault_amount)') }} as date_fault_amount
    from lines_of_documents
    group by recon_key
),

final as (
    select
        ---------- keys
        orders.recon_key,
        orders.version_no,
        orders.tenant,
        orders.order_id,
        terms_of_orders.contract_id,
        deviations_summed_to_orders.price_authority_id,
        deviations_summed_to_orders.approval_document_id,
        deviations_summed_to_orders.self_approval_document_id,

        ---------- strings
        orders.order_type,
        orders.currency_code,
        deviations_summed_to_orders.compared_currency_code,
        deviations_summed_to_orders.price_beyond_note,
        deviations_summed_to_orders.approval_note,
        deviations_summed_to_orders.self_approval_note,
        lines_summed_to_orders.product_note,
        lines_summed_to_orders.tax_note,
        lines_summed_to_orders.date_note,
        terms_of_orders.payment_terms,
        terms_of_orders.contract_terms,

        ---------- numerics
        orders.total_amount,
        lines_summed_to_orders.priced_count,
        lines_summed_to_orders.product_count,
        lines_summed_to_orders.tax_count,
        lines_summed_to_orders.date_count,
        lines_summed_to_orders.product_fault_count,
        lines_summed_to_orders.tax_fault_count,
        lines_summed_to_orders.date_fault_count,
        lines_summed_to_orders.product_fault_amount,
        lines_summed_to_orders.tax_fault_amount,
        lines_summed_to_orders.date_fault_amount,
        coalesce(deviations_summed_to_orders.price_beyond_count, 0) as price_beyond_count,
        coalesce(deviations_summed_to_orders.price_unknown_count, 0) as price_unknown_count,
        deviations_summed_to_orders.price_beyond_amount,
        deviations_summed_to_orders.price_beyond_authority_amount,
        deviations_summed_to_orders.price_asked_amount,
        deviations_summed_to_orders.price_authority_amount,
        coalesce(deviations_summed_to_orders.price_deviation_amount, {{ money('0') }}) as price_deviation_amount,
        deviations_summed_to_orders.price_book_amount,
        deviations_summed_to_orders.price_priced_amount,
        coalesce(deviations_summed_to_orders.amendment_count, 0) as amendment_count,
        coalesce(deviations_summed_to_orders.approval_fault_count, 0) as approval_fault_count,
        coalesce(deviations_summed_to_orders.self_approval_count, 0) as self_approval_count,
        deviations_summed_to_orders.approval_fault_amount,
        exposures.credit_limit_amount,
        exposures.unpaid_amount,
        exposures.exposure_amount,

        ---------- booleans
        feeds.has_price_book and lines_summed_to_orders.recon_key is not null as is_price_looked_at,
        feeds.has_contracts and terms_of_orders.recon_key is not null as is_terms_looked_at,
        coalesce(terms_of_orders.is_terms_judged, false) as is_terms_judged,
        coalesce(
            terms_of_orders.is_terms_judged
            and {{ payment_terms_key('terms_of_orders.payment_terms') }} <> {{ payment_terms_key('terms_of_orders.contract_terms') }}
            and (terms_of_orders.own_days <> terms_of_orders.contract_days or terms_of_orders.own_days < 0),
            false
        ) as has_terms_fault,
        feeds.has_approvals and coalesce(deviations_summed_to_orders.amendment_count, 0) > 0 as is_approval_looked_at,

        ---------- dates
        orders.ordered_on,

        ---------- timestamps
        orders.known_from
    from orders
    inner join feeds
        on orders.tenant = feeds.tenant
    left join lines_summed_to_orders
        on orders.recon_key = lines_summed_to_orders.recon_key
    left join deviations_summed_to_orders
        on orders.recon_key = deviations_summed_to_orders.recon_key
    left join terms_of_orders
        on orders.recon_key = terms_of_orders.recon_key
    left join exposures
        on orders.recon_key = exposures.recon_key
)

select * from final
