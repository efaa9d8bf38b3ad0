-- Grain: one row per settlement line that belongs to a payment, with its gross.
-- Trap: a line without a known rate in another currency than its payment counts as nothing: no rate is never 1.

with lines as (
    select * from {{ ref('int_settlement_lines__resolved') }}
    where is_evidence
),

-- Only events with a line abroad that cannot be compared there: they are compared in their own currency.
events_at_home as (
    select
        event_key,
        min(event_currency_code) as currency_code
    from {{ ref('int_settlement_events__compared') }}
    where is_compared_at_home
    group by event_key
),

with_source as (
    select
        lines.*,
        lines.currency_code <> lines.event_currency_code
        and (events_at_home.event_key is not null or not lines.is_direct) as is_read_at_home,
        coalesce(lines.source_currency_code = lines.event_currency_code and lines.source_amount is not null, false)
            as states_source
    from lines
    left join events_at_home
        on case when lines.is_direct then lines.anchor_key end = events_at_home.event_key
),

final as (
    select
        ---------- keys
        'settlement' as leg_code,
        anchor_key,
        recon_key,
        tenant,
        source,
        stream,
        source_system,
        batch_id as native_id,
        cast(line_no as {{ dbt.type_string() }}) as line_no,
        coalesce(payment_ref, order_ref) as order_ref,
        seller_id,

        ---------- strings
        ref_status,
        type_code as kind_code,
        case
            when is_read_at_home and (is_direct or states_source) then event_currency_code
            else currency_code
        end as currency_code,

        ---------- numerics
        case
            when is_read_at_home and states_source then source_amount
            when is_read_at_home and is_direct then {{ money('0') }}
            else gross_amount
        end as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        posted_at as event_at,
        known_at,

        ---------- provenance
        _row_key
    from with_source
)

select * from final
