-- Grain: one row per settlement line that belongs to a payment, with its gross.
-- Trap: a line without a known rate in another currency than its payment counts as nothing: no rate is never 1.

with lines as (
    select * from {{ ref('int_settlement_lines__resolved') }}
    where is_evidence
),

-- Only events with a line in another currency: all others are compared in their own.
events_abroad as (
    select
        event_key,
        min(currency_code) as currency_code,
        max(fx_status_code) as fx_status_code
    from {{ ref('int_settlement_events__compared') }}
    where currency_code <> event_currency_code
        or fx_status_code is not null
    group by event_key
),

final as (
    select
        ---------- keys
        'settlement' as leg_code,
        lines.anchor_key,
        lines.recon_key,
        lines.tenant,
        lines.source,
        lines.stream,
        lines.source_system,
        lines.batch_id as native_id,
        cast(lines.line_no as {{ dbt.type_string() }}) as line_no,
        coalesce(lines.payment_ref, lines.order_ref) as order_ref,
        lines.seller_id,

        ---------- strings
        lines.ref_status,
        lines.type_code as kind_code,
        case
            when events_abroad.fx_status_code = 'RATE_MISSING' then events_abroad.currency_code
            when not lines.is_direct
                and lines.currency_code <> lines.event_currency_code
                and lines.source_currency_code = lines.event_currency_code
                and lines.source_amount is not null
            then lines.event_currency_code
            else lines.currency_code
        end as currency_code,

        ---------- numerics
        case
            when events_abroad.fx_status_code = 'RATE_MISSING' and lines.currency_code <> lines.event_currency_code
            then {{ money('0') }}
            when not lines.is_direct
                and lines.currency_code <> lines.event_currency_code
                and lines.source_currency_code = lines.event_currency_code
                and lines.source_amount is not null
            then lines.source_amount
            else lines.gross_amount
        end as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        lines.posted_at as event_at,
        lines.known_at,

        ---------- provenance
        lines._row_key
    from lines
    left join events_abroad
        on lines.is_direct
        and lines.anchor_key = events_abroad.event_key
)

select * from final
