-- Grain: one row per current row of a stream that a leg reads, with where it ended (R-B6).
-- Trap: rows of other streams are accounted for by entity_dispositions, rows of old versions as superseded.

{{ config(materialized='view') }}

with orders as (
    select
        source,
        stream,
        _row_key
    from {{ ref('int_orders__latest') }}
),

order_documents as (
    select
        recon_key,
        _row_key
    from {{ ref('int_order_documents') }}
),

order_lines as (
    select
        source,
        stream,
        _row_key,
        recon_key
    from {{ ref('int_order_lines__keyed') }}
    where is_newest
),

test_orders as (
    select recon_key from {{ ref('int_orders') }}
    where is_test
),

order_states as (
    select
        recon_key,
        state_code
    from {{ ref('int_order_states') }}
),

-- Headers and lines share their order's fate; what the source deleted is told apart by whoever reads this.
keyed_order_rows as (
    select
        orders.source,
        orders.stream,
        orders._row_key,
        order_documents.recon_key
    from orders
    inner join order_documents
        on orders._row_key = order_documents._row_key
    union all
    select
        source,
        stream,
        _row_key,
        recon_key
    from order_lines
),

order_rows as (
    select
        keyed_order_rows.source,
        keyed_order_rows.stream,
        keyed_order_rows._row_key,
        case
            when test_orders.recon_key is not null then 'TEST_ORDER'
            when keyed_order_rows.recon_key is null then 'KEY'
            else upper(order_states.state_code)
        end as reason_code
    from keyed_order_rows
    left join order_states
        on keyed_order_rows.recon_key = order_states.recon_key
    left join test_orders
        on keyed_order_rows.recon_key = test_orders.recon_key
),

evidence as (
    select
        source,
        stream,
        _row_key,
        leg_code,
        anchor_key,
        currency_code,
        is_test,
        -- A payment of a consolidated invoice, and a statement that two legs read, are several pieces of evidence.
        (leg_code = 'payment' and line_no is not null) or leg_code in ('seller_split', 'payout') as is_part
    from {{ ref('int_anchored_evidence') }}
),

match_groups as (
    select
        leg_code,
        anchor_key,
        currency_code,
        status_code
    from {{ ref('int_match_groups') }}
),

legs as (
    select
        leg_code,
        evidence_stream
    from {{ ref('legs') }}
),

streams as (
    select
        source,
        stream,
        entity
    from {{ ref('stg_landing__streams') }}
),

-- Evidence that is derived from another entity's rows (Olist's stamps) is accounted for with those rows.
judged_evidence as (
    select
        evidence.source,
        evidence.stream,
        evidence._row_key,
        evidence.is_part,
        case
            when evidence.is_test then 'TEST_ORDER'
            when evidence.anchor_key is null then 'KEY'
            else upper(match_groups.status_code)
        end as reason_code
    from evidence
    inner join legs
        on evidence.leg_code = legs.leg_code
    inner join streams
        on evidence.source = streams.source
        and evidence.stream = streams.stream
        and legs.evidence_stream = streams.entity
    left join match_groups
        on evidence.leg_code = match_groups.leg_code
        and evidence.anchor_key = match_groups.anchor_key
        and evidence.currency_code = match_groups.currency_code
),

-- A row in several groups is where the worst of them is.
evidence_rows as (
    select
        source,
        stream,
        _row_key,
        reason_code
    from judged_evidence
    where not is_part
    union all
    select
        source,
        stream,
        _row_key,
        min_by(
            reason_code,
            case
                when reason_code in ('EXCEPTION', 'KEY') then 1
                when reason_code in ('NOT_DUE', 'PARTIAL', 'WAITING', 'OPEN') then 2
                when reason_code in ('MATCHED', 'RECONCILED') then 3
                else 4
            end
        ) as reason_code
    from judged_evidence
    where is_part
    group by source, stream, _row_key
),

payments as (
    select
        payments.source,
        payments.stream,
        payments._row_key,
        coalesce(payment_statuses.exclusion_reason, payment_kinds.exclusion_reason) as reason_code
    from {{ ref('int_payments__latest') }} as payments
    inner join {{ ref('payment_kinds') }} as payment_kinds
        on payments.kind_code = payment_kinds.kind_code
    inner join {{ ref('payment_statuses') }} as payment_statuses
        on coalesce(payments.native_status, 'succeeded') = payment_statuses.status_code
    where not (payment_kinds.is_evidence and payment_statuses.is_evidence)
),

shipment_lines as (
    select
        shipment_lines.source,
        shipment_lines.stream,
        shipment_lines._row_key,
        case
            when shipments.shipment_id is null then 'KEY'
            when shipment_lines.is_return then 'RETURNED_GOODS'
            else shipment_statuses.exclusion_reason
        end as reason_code
    from {{ ref('int_shipment_lines__latest') }} as shipment_lines
    inner join streams
        on shipment_lines.source = streams.source
        and shipment_lines.stream = streams.stream
        and streams.entity = 'shipment_lines'
    left join {{ ref('int_shipments__latest') }} as shipments
        on shipment_lines.source = shipments.source
        and shipment_lines.tenant = shipments.tenant
        and shipment_lines.source_system = shipments.source_system
        and shipment_lines.source_instance = shipments.source_instance
        and shipment_lines.shipment_id = shipments.shipment_id
    left join {{ ref('shipment_statuses') }} as shipment_statuses
        on coalesce(shipments.native_status, 'shipped') = shipment_statuses.status_code
    where shipments.shipment_id is null
        or shipment_lines.is_return
        or not shipment_statuses.is_evidence
),

unioned as (
    select * from order_rows
    union all
    select * from evidence_rows
    union all
    select * from payments
    union all
    select * from shipment_lines
    {%- for family in var('set_aside_families') %}
    union all
    select * from {{ ref('int_set_aside_rows__' ~ family) }}
    {%- endfor %}
),

final as (
    select
        source,
        stream,
        _row_key,
        case
            when reason_code in ('MATCHED', 'RECONCILED') then 'matched'
            when reason_code in ('EXCEPTION', 'HELD_BY_GATE', 'KEY') then 'in_exception'
            when reason_code in ('NOT_DUE', 'PARTIAL', 'WAITING', 'OPEN') then 'not_due'
            else 'excluded'
        end as disposition,
        case when reason_code in ('VOID', 'DRAFT') then reason_code || '_ORDER' else reason_code end as reason_code
    from unioned
)

select * from final
