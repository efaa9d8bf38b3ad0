-- Grain: one row per order line of which goods came back.
-- Trap: returned_amount is what the goods cost on the order without tax; whether it was credited is another matter.

with shipment_lines as (
    select * from {{ ref('int_shipment_lines__resolved') }}
    where has_come_back
        and line_key is not null
),

order_lines as (
    select
        line_key,
        quantity,
        net_amount,
        tax_amount
    from {{ ref('int_order_lines__current') }}
),

returns_summed_to_lines as (
    select
        line_key,
        min(recon_key) as recon_key,
        {{ quantity('sum(quantity)') }} as returned_quantity,
        {{ money('sum(line_amount)') }} as list_amount,
        max(event_at) as last_returned_at,
        max(known_at) as last_known_at
    from shipment_lines
    group by line_key
),

final as (
    select
        ---------- keys
        returns_summed_to_lines.line_key,
        returns_summed_to_lines.recon_key,

        ---------- numerics
        returns_summed_to_lines.returned_quantity,
        case
            when returns_summed_to_lines.returned_quantity >= order_lines.quantity then order_lines.net_amount
            else least(returns_summed_to_lines.list_amount, order_lines.net_amount)
        end as returned_amount,
        case
            when returns_summed_to_lines.returned_quantity >= order_lines.quantity then order_lines.tax_amount
            else {{ shared_amount('order_lines.tax_amount', 'returns_summed_to_lines.returned_quantity', 'order_lines.quantity') }}
        end as returned_tax_amount,

        ---------- booleans
        returns_summed_to_lines.returned_quantity >= order_lines.quantity as is_whole_line,

        ---------- timestamps
        returns_summed_to_lines.last_returned_at,
        returns_summed_to_lines.last_known_at
    from returns_summed_to_lines
    inner join order_lines
        on returns_summed_to_lines.line_key = order_lines.line_key
)

select * from final
