-- Harm prevented: one payment settles two orders. The shares of a payment of a consolidated invoice are numbered
-- in line_no: each of them settles one order.

select
    leg_code,
    source,
    stream,
    _row_key,
    line_no,
    count(*) as group_count
from {{ ref('int_evidence') }}
group by leg_code, source, stream, _row_key, line_no
having count(*) > 1
