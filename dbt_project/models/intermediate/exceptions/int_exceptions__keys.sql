-- Grain: one row per document whose key leads nowhere, or to more than one place.
-- Trap: a damaged key is never repaired by guessing. Two systems may give two documents one id: the fact is told by
-- the row's own key. Rows that amount, date and text have matched without a key are not here.

with evidence as (
    select * from {{ ref('int_anchored_evidence') }}
    where anchor_key is null
        -- A bank line owes nobody a reference: what it leaves open is unknown money (BNK_UNKNOWN).
        and leg_code <> 'bank'
),

-- What the search without a key said of each row that it left open.
open_items as (
    select
        leg_code,
        item_key,
        explanation,
        is_ambiguous
    from {{ ref('int_nearest_misses') }}
    where side_code = 'actual'
),

order_documents as (
    select * from {{ ref('int_order_documents') }}
    where recon_key is null
),

evidence_keys as (
    select
        case
            when evidence.ref_status = 'damaged' then 'KEY_CORRUPTED'
            when open_items.is_ambiguous then 'KEY_AMBIGUOUS'
            when evidence.ref_status = 'missing' and evidence.leg_code = 'payment' then 'PAY_UNAPPLIED'
            when evidence.ref_status = 'missing' then 'KEY_MISSING'
            when evidence.ref_status = 'ambiguous' then 'KEY_AMBIGUOUS'
            when evidence.leg_code = 'fulfilment' then 'FUL_NO_ORDER'
            else 'KEY_ORPHAN_RIGHT'
        end as exception_code,
        evidence.leg_code,
        evidence.tenant,
        evidence.recon_key,
        evidence.source || '.' || evidence.stream || ' ' || evidence.native_id
        || coalesce('/' || cast(evidence.line_no as {{ dbt.type_string() }}), '') as document_ref,
        {{ row_key_text('evidence._row_key') }} as document_key,
        evidence.native_id,
        evidence.source_system,
        coalesce(evidence.currency_code, '') as currency_code,
        coalesce(evidence.order_ref, '') as order_ref,
        {{ money('abs(evidence.actual_amount)') }} as document_amount,
        evidence.known_at,
        open_items.explanation as candidates_note
    from evidence
    left join open_items
        on evidence.leg_code = open_items.leg_code
        and {{ evidence_item_key('evidence.source', 'evidence.stream', 'evidence._row_key') }} = open_items.item_key
),

document_keys as (
    select
        case
            when is_damaged then 'KEY_CORRUPTED'
            when not is_first_of_id then 'KEY_COLLISION'
            else 'KEY_ORPHAN_RIGHT'
        end as exception_code,
        '' as leg_code,
        tenant,
        recon_key,
        source || '.' || stream || ' ' || native_order_id as document_ref,
        {{ row_key_text('_row_key') }} as document_key,
        native_order_id as native_id,
        source_system,
        '' as currency_code,
        coalesce(order_ref, '') as order_ref,
        {{ money('0') }} as document_amount,
        _observed_at as known_at,
        cast(null as {{ dbt.type_string() }}) as candidates_note
    from order_documents
),

order_lines as (
    select * from {{ ref('int_order_lines__keyed') }}
    where not has_document
        and is_newest
        and not _is_deleted
),

-- Lines that arrived without their header: one exception an order, not one a line.
orphan_lines as (
    select
        'KEY_ORPHAN_RIGHT' as exception_code,
        '' as leg_code,
        tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        source || '.' || stream || ' of ' || order_id as document_ref,
        source_system as document_key,
        order_id as native_id,
        source_system,
        '' as currency_code,
        order_id as order_ref,
        {{ money('sum(' ~ line_amount('quantity', 'unit_rate') ~ ')') }} as document_amount,
        min(_observed_at) as known_at,
        cast(null as {{ dbt.type_string() }}) as candidates_note
    from order_lines
    group by tenant, source, stream, source_system, order_id
),

shipment_lines_without_header as (
    select
        'KEY_ORPHAN_RIGHT' as exception_code,
        'fulfilment' as leg_code,
        shipment_lines.tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        shipment_lines.source || '.' || shipment_lines.stream || ' ' || shipment_lines.shipment_id
        || '/' || cast(shipment_lines.line_no as {{ dbt.type_string() }}) as document_ref,
        {{ row_key_text('shipment_lines._row_key') }} as document_key,
        shipment_lines.shipment_id as native_id,
        shipment_lines.source_system,
        '' as currency_code,
        'shipment ' || shipment_lines.shipment_id as order_ref,
        {{ money('0') }} as document_amount,
        shipment_lines._observed_at as known_at,
        cast(null as {{ dbt.type_string() }}) as candidates_note
    from {{ ref('int_shipment_lines__latest') }} as shipment_lines
    left join {{ ref('int_shipments__latest') }} as shipments
        on shipment_lines.source = shipments.source
        and shipment_lines.tenant = shipments.tenant
        and shipment_lines.source_system = shipments.source_system
        and shipment_lines.source_instance = shipments.source_instance
        and shipment_lines.shipment_id = shipments.shipment_id
    where shipments.shipment_id is null
        and shipment_lines.source <> 'olist'
),

unioned as (
    select * from orphan_lines
    union all
    select * from shipment_lines_without_header
    union all
    select * from evidence_keys
    union all
    select * from document_keys
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        '' as line_key,
        document_ref || ' ' || document_key as fact_key,
        native_id as native_ref,
        source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'KEY_CORRUPTED' then
                document_ref || ' bears the damaged id ' || order_ref
                || ': its digits are lost, extract the document again.'
            when 'PAY_UNAPPLIED' then
                document_ref || ' of ' || {{ amount_text('document_amount') }} || ' ' || currency_code
                || ' names no order: apply it or return it.' || coalesce(' ' || candidates_note, '')
            when 'KEY_MISSING' then
                document_ref || ' names no ' || case when leg_code = 'settlement' then 'payment' else 'order' end
                || ': have its writer fill the reference.'
            when 'KEY_AMBIGUOUS' then coalesce(
                    candidates_note,
                    document_ref || ' names ' || order_ref
                    || ', which several orders bear: say which store or system is meant.'
                )
            when 'KEY_COLLISION' then
                document_ref || ' has the same id as another order: add the store or instance to tell them apart.'
            when 'FUL_NO_ORDER' then
                document_ref || ' left for ' || order_ref || ', where no such order line is known.'
            else
                document_ref || ' names ' || order_ref
                || case when leg_code = 'settlement' then
                        ', a payment that nobody has reported or that is settled already.'
                    else ', an order that nobody has reported.'
                end
        end as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        document_amount as leak_amount,
        {{ money('0') }} as expected_value_amount,
        document_amount as actual_value_amount,

        ---------- timestamps
        known_at as opened_at
    from unioned
)

select * from final
