-- Harm prevented: one payment settles two orders.

select
    leg_code,
    source,
    stream,
    _row_key,
    count(*) as group_count
from {{ ref('int_evidence') }}
group by leg_code, source, stream, _row_key
having count(*) > 1
