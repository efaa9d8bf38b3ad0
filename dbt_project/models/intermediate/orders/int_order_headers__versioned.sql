-- Grain: one row per stored header version of an order document that belongs to a known order.
-- Trap: total_change is what this version changes; only their running sum over the order is a total. A late file
-- may bring an older version after a newer one: version_rank is the order of versions, _row_version that of arrival.

{{ config(materialized='view') }}

with headers as (
    select * from {{ ref('int_orders__unioned') }}
),

order_documents as (
    select
        recon_key,
        is_amendment,
        _row_key
    from {{ ref('int_order_documents') }}
    where recon_key is not null
),

order_statuses as (
    select
        source,
        native_status,
        status_code,
        is_open_for_delivery,
        is_due_for_payment
    from {{ ref('order_statuses') }}
),

with_status as (
    select
        order_documents.recon_key,
        order_documents.is_amendment,
        headers.*,
        case when headers._is_deleted then 'deleted' else order_statuses.status_code end as status_code,
        not headers._is_deleted and coalesce(order_statuses.is_open_for_delivery, false) as is_open_for_delivery,
        not headers._is_deleted and coalesce(order_statuses.is_due_for_payment, false) as is_due_for_payment,
        coalesce(headers.updated_at, cast(headers._business_on as timestamp), headers._observed_at) as version_at,
        case
            when headers._is_deleted then {{ money('0') }}
            when order_documents.is_amendment and order_statuses.status_code in ('cancelled', 'draft')
            then {{ money('0') }}
            else headers.total_amount
        end as effective_total_amount
    from headers
    inner join order_documents
        on headers._row_key = order_documents._row_key
    left join order_statuses
        on headers.source = order_statuses.source
        and coalesce(headers.native_status, 'confirmed') = order_statuses.native_status
),

with_previous as (
    select
        with_status.*,
        lag(effective_total_amount) over {{ versions_of('with_status', 'oldest') }} as previous_total_amount,
        row_number() over {{ versions_of('with_status', 'oldest') }} as version_rank
    from with_status
),

final as (
    select
        with_previous.*,
        {{ money("effective_total_amount - coalesce(previous_total_amount, 0)") }} as total_change_amount
    from with_previous
)

select * from final
