-- Grain: one row per order line that an amendment took off whole and that was billed for time after it.
-- Trap: a line of a cancelled order is not here: everything that stands billed of it is too much. A credit that was
-- never given is not here either: nothing new was billed.

with ended_lines as (
    select
        line_key,
        max(case when is_amendment and changed_quantity < 0 then effective_on end) as ended_on
    from {{ ref('int_order_lines__contributed') }}
    group by line_key
    having sum(changed_quantity) = 0
)

select
    ended_lines.line_key,
    min(ended_lines.ended_on) as ended_on
from ended_lines
inner join {{ ref('int_invoice_rows__placed') }} as placed
    on ended_lines.line_key = placed.line_key
where placed.is_live
    and placed.row_kind = 'LINE'
    and placed.net_amount > 0
    and coalesce(placed.service_start_on, cast(placed.issued_at as date)) >= ended_lines.ended_on
group by ended_lines.line_key
