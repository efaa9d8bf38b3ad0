-- Grain: one row per row of evidence whose amount or quantity came again and differs: (leg_code, source, stream, _row_key).
-- Trap: orders and order lines are versioned, not restated. The newest version wins; what it replaces is here. Newest is by
-- the source's own stamp, not by arrival: in whatever order versions come, the same is told. A shipment line has no amount:
-- its change is the quantity, worth the price of its order line.

with restated_keys as (
    -- distinct: a row with three versions is named twice
    select distinct
        source,
        stream,
        _row_key
    from {{ ref('stg_landing__source_rows') }}
    where _row_version > 1
        and entity in (
            'no stream'
            {%- for entity in var('feed_streams') %},
            '{{ entity }}'
            {%- endfor %}
        )
),

ranked_versions as (
    select
        stored.source,
        stored.stream,
        stored._row_key,
        stored.control_amount,
        stored._is_deleted,
        stored._observed_at,
        row_number() over {{ versions_of('stored', 'newest') }} as recency
    from {{ ref('stg_landing__source_rows') }} as stored
    inner join restated_keys
        on stored.source = restated_keys.source
        and stored.stream = restated_keys.stream
        and stored._row_key = restated_keys._row_key
),

-- What was changed by hand is told as that.
changed_by_hand as (
    select
        source,
        stream,
        _row_key
    from {{ ref('int_values_changed_by_hand') }}
),

changed_rows as (
    select
        latest.source,
        latest.stream,
        latest._row_key,
        latest._observed_at,
        abs(latest.control_amount) - abs(earlier.control_amount) as size_change
    from ranked_versions as latest
    inner join ranked_versions as earlier
        on latest.source = earlier.source
        and latest.stream = earlier.stream
        and latest._row_key = earlier._row_key
        and earlier.recency = 2
    left join changed_by_hand
        on latest.source = changed_by_hand.source
        and latest.stream = changed_by_hand.stream
        and latest._row_key = changed_by_hand._row_key
    where latest.recency = 1
        and changed_by_hand._row_key is null
        and not latest._is_deleted
        and not earlier._is_deleted
        and latest.control_amount <> earlier.control_amount
),

rows_of_evidence as (
    select
        leg_code,
        source,
        stream,
        native_id,
        tenant,
        source_system,
        recon_key,
        anchor_key,
        currency_code,
        actual_amount,
        _row_key
    from {{ ref('int_evidence') }}
    where not is_test
        and leg_code <> 'payout'
),

-- An invoice that is compared line by line is told by its header: lines have no amount to control.
invoices_by_line as (
    select
        placed.source,
        placed.stream,
        placed.invoice_id,
        placed.tenant,
        placed.source_system,
        placed.recon_key,
        placed.currency_code,
        placed.total_amount,
        placed._row_key
    from {{ ref('int_invoice_rows__placed') }} as placed
    inner join changed_rows
        on placed.source = changed_rows.source
        and placed.stream = changed_rows.stream
        and placed._row_key = changed_rows._row_key
    left join rows_of_evidence
        on placed.source = rows_of_evidence.source
        and placed.stream = rows_of_evidence.stream
        and placed._row_key = rows_of_evidence._row_key
    where placed.row_kind = 'DOCUMENT'
        and placed.is_live
        and placed.recon_key is not null
        and rows_of_evidence._row_key is null
),

evidence as (
    select * from rows_of_evidence
    union all
    select
        'invoice' as leg_code,
        source,
        stream,
        invoice_id as native_id,
        tenant,
        source_system,
        recon_key,
        cast(null as {{ dbt.type_string() }}) as anchor_key,
        currency_code,
        total_amount as actual_amount,
        _row_key
    from invoices_by_line
),

shipment_versions as (
    select
        stored.source,
        stored.stream,
        stored._row_key,
        stored.quantity,
        stored._is_deleted,
        stored._observed_at,
        row_number() over {{ versions_of('stored', 'newest') }} as recency
    from {{ ref('int_shipment_lines__unioned') }} as stored
    inner join restated_keys
        on stored.source = restated_keys.source
        and stored.stream = restated_keys.stream
        and stored._row_key = restated_keys._row_key
),

changed_shipment_lines as (
    select
        latest.source,
        latest.stream,
        latest._row_key,
        latest._observed_at,
        cast(latest.quantity - earlier.quantity as decimal(18, 6)) as change_quantity,
        earlier.quantity as earlier_quantity
    from shipment_versions as latest
    inner join shipment_versions as earlier
        on latest.source = earlier.source
        and latest.stream = earlier.stream
        and latest._row_key = earlier._row_key
        and earlier.recency = 2
    left join changed_by_hand
        on latest.source = changed_by_hand.source
        and latest.stream = changed_by_hand.stream
        and latest._row_key = changed_by_hand._row_key
    where latest.recency = 1
        and changed_by_hand._row_key is null
        and not latest._is_deleted
        and not earlier._is_deleted
        and latest.quantity <> earlier.quantity
),

final as (
    select
        ---------- keys
        evidence.leg_code,
        evidence.source,
        evidence.stream,
        evidence.native_id,
        evidence.tenant,
        evidence.source_system,
        evidence.recon_key,
        evidence.anchor_key,

        ---------- strings
        evidence.currency_code,

        ---------- numerics
        {{ money('changed_rows.size_change * case when evidence.actual_amount < 0 then -1 else 1 end') }} as change_amount,
        {{ quantity('0') }} as change_quantity,
        evidence.actual_amount,

        ---------- timestamps
        changed_rows._observed_at as restated_at,

        ---------- provenance
        evidence._row_key
    from changed_rows
    inner join evidence
        on changed_rows.source = evidence.source
        and changed_rows.stream = evidence.stream
        and changed_rows._row_key = evidence._row_key
    union all
    select
        'fulfilment' as leg_code,
        shipped.source,
        shipped.stream,
        shipped.native_id,
        shipped.tenant,
        shipped.source_system,
        shipped.recon_key,
        shipped.line_key as anchor_key,
        shipped.currency_code,
        {{ money("shipped.line_amount - " ~ line_amount('changed_shipment_lines.earlier_quantity', 'shipped.unit_rate')) }}
            as change_amount,
        changed_shipment_lines.change_quantity,
        shipped.line_amount as actual_amount,
        changed_shipment_lines._observed_at as restated_at,
        shipped._row_key
    from changed_shipment_lines
    inner join {{ ref('int_shipment_lines__resolved') }} as shipped
        on changed_shipment_lines.source = shipped.source
        and changed_shipment_lines.stream = shipped.stream
        and changed_shipment_lines._row_key = shipped._row_key
    where shipped.line_key is not null
        and not shipped.is_return
)

select * from final
