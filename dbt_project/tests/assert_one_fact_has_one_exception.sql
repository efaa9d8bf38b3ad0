-- Harm prevented: two tickets for one difference, and twice the money at risk in every figure.

select
    match_id,
    count(*) as exception_count
from {{ ref('int_exceptions') }}
where match_id is not null
group by match_id
having count(*) > 1
