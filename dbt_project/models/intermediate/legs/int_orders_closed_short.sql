-- Grain: one row per closed order of which a part was taken out of its shipments and never left.
-- Trap: an order that merely left short without anybody cancelling the rest is not here: that is an exception.

-- distinct: several lines of an order may be short
select distinct order_lines.recon_key
from {{ ref('int_order_lines__current') }} as order_lines
inner join {{ ref('int_shipped_lines') }} as shipped_lines
    on order_lines.line_key = shipped_lines.line_key
where order_lines.status_code = 'closed'
    and shipped_lines.cancelled_quantity > 0
    and shipped_lines.shipped_quantity < order_lines.quantity
