-- Grain: one row per settlement line, with the payment event that it belongs to.
-- Trap: is_evidence is false for what belongs to the batch alone (fees, reserves, payouts): role_code says why.
-- A line that names a payment by another id than its own is placed by its order, type by type, and only among
-- events that no other line names.

with lines as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        batch_id,
        line_no,
        trim(payment_ref) as payment_ref,
        order_ref,
        seller_id,
        type_code,
        currency_code,
        source_currency_code,
        gross_amount,
        coalesce(fee_amount, 0) as fee_amount,
        fee_amount is not null as has_fee,
        coalesce(fee_tax_amount, 0) as fee_tax_amount,
        fx_rate,
        source_amount,
        posted_at,
        tenant || {{ separator() }} || trim(payment_ref) as named_event_key,
        _observed_at,
        _row_key
    from {{ ref('int_settlement_lines__latest') }}
),

line_types as (
    select * from {{ ref('settlement_line_types') }}
),

tenants_with_payments as (
    -- distinct: a tenant has many payments
    select distinct tenant from {{ ref('int_payments__unioned') }}
),

events as (
    select * from {{ ref('int_settlement_events') }}
),

-- Two systems may give two payments one id: both are then compared under it.
events_by_id as (
    select
        event_key,
        min(recon_key) as recon_key,
        min(line_type_code) as line_type_code,
        min(currency_code) as currency_code,
        min(event_on) as event_on
    from events
    group by event_key
),

with_events as (
    select
        lines.*,
        line_types.is_payment_line,
        line_types.may_name_payment,
        tenants_with_payments.tenant is not null as has_payments,
        events_by_id.event_key as found_event_key,
        events_by_id.recon_key as event_recon_key,
        events_by_id.currency_code as event_currency_code,
        events_by_id.event_on,
        coalesce(
            events_by_id.event_key is not null
            and line_types.may_name_payment
            -- A refund that names the payment it takes back belongs to the refund's own event.
            and not (
                lines.type_code in ('refund', 'chargeback')
                and events_by_id.line_type_code = 'payment'
            ),
            false
        ) as is_direct
    from lines
    inner join line_types
        on lines.type_code = line_types.type_code
    left join tenants_with_payments
        on lines.tenant = tenants_with_payments.tenant
    left join events_by_id
        on lines.named_event_key = events_by_id.event_key
),

indirect_lines as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        _row_key,
        type_code,
        found_event_key,
        event_currency_code,
        event_recon_key,
        payment_ref,
        coalesce(order_ref, payment_ref) as order_ref
    from with_events
    where not is_direct
        and is_payment_line
        and has_payments
),

{{ resolved_refs('indirect_lines') }},

named_events as (
    -- distinct: an event may be settled in several lines
    select distinct found_event_key as event_key
    from with_events
    where is_direct
),

-- distinct: an order may have several lines without the payment's id
orders_spoken_of as (
    select distinct
        coalesce(event_recon_key, recon_key) as recon_key,
        type_code
    from resolved
),

-- Events that are not named by a line, of the orders and types that a line without their id speaks of.
open_events as (
    select
        events.recon_key,
        events.line_type_code,
        min(events.currency_code) as currency_code,
        min(events.event_on) as event_on
    from events
    inner join orders_spoken_of
        on events.recon_key = orders_spoken_of.recon_key
        and events.line_type_code = orders_spoken_of.type_code
    left join named_events
        on events.event_key = named_events.event_key
    where named_events.event_key is null
    group by events.recon_key, events.line_type_code
),

placed_lines as (
    select
        resolved.source,
        resolved.stream,
        resolved._row_key,
        coalesce(resolved.event_recon_key, resolved.recon_key) as recon_key,
        coalesce(open_events.currency_code, resolved.event_currency_code) as currency_code,
        -- What takes back a part of the payment it names, and is no event of its own, counts in that payment.
        case
            when open_events.recon_key is not null
            then resolved.tenant || {{ separator() }} || open_events.recon_key || {{ separator() }}
                || resolved.type_code
            else resolved.found_event_key
        end as anchor_key,
        case
            when open_events.recon_key is not null or resolved.found_event_key is not null then 'found'
            when resolved.ref_status in ('missing', 'damaged') then resolved.ref_status
            else 'unknown'
        end as ref_status
    from resolved
    left join open_events
        on coalesce(resolved.event_recon_key, resolved.recon_key) = open_events.recon_key
        and resolved.type_code = open_events.line_type_code
),

final as (
    select
        ---------- keys
        with_events.source,
        with_events.stream,
        with_events.tenant,
        with_events.source_system,
        with_events.source_instance,
        with_events.batch_id,
        with_events.line_no,
        with_events.payment_ref,
        with_events.order_ref,
        with_events.seller_id,
        case when with_events.is_direct then with_events.found_event_key else placed_lines.anchor_key end as anchor_key,
        case when with_events.is_direct then with_events.event_recon_key else placed_lines.recon_key end as recon_key,

        ---------- strings
        with_events.type_code,
        case
            when not with_events.has_payments then 'NO_PAYMENTS_FED'
            when with_events.is_direct or with_events.is_payment_line then 'EVIDENCE'
            else 'BATCH_LEVEL'
        end as role_code,
        case when with_events.is_direct then 'found' else placed_lines.ref_status end as ref_status,
        with_events.currency_code,
        with_events.source_currency_code,
        coalesce(
            case when with_events.is_direct then with_events.event_currency_code end,
            placed_lines.currency_code
        ) as event_currency_code,

        ---------- numerics
        with_events.gross_amount,
        with_events.fee_amount,
        with_events.fee_tax_amount,
        with_events.fx_rate,
        case when with_events.gross_amount < 0 then {{ money('-abs(with_events.source_amount)') }}
            else {{ money('abs(with_events.source_amount)') }}
        end as source_amount,

        ---------- booleans
        with_events.is_direct,
        with_events.has_payments and (with_events.is_direct or with_events.is_payment_line) as is_evidence,
        with_events.has_fee,

        ---------- dates
        coalesce(cast(with_events.posted_at as date), with_events.event_on) as posted_on,

        ---------- timestamps
        with_events.posted_at,
        with_events._observed_at as known_at,

        ---------- provenance
        with_events._row_key
    from with_events
    left join placed_lines
        on with_events.source = placed_lines.source
        and with_events.stream = placed_lines.stream
        and with_events._row_key = placed_lines._row_key
)

select * from final
