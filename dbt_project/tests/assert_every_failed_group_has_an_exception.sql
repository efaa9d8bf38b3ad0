-- Harm prevented: an order is held as an exception and nobody is told why.

select
    match_groups.match_id,
    match_groups.leg_code,
    match_groups.recon_key
from {{ ref('int_match_groups') }} as match_groups
left join {{ ref('int_exceptions') }} as exceptions
    on match_groups.leg_code = exceptions.leg_code
    and coalesce(match_groups.recon_key, match_groups.match_id) = coalesce(exceptions.recon_key, exceptions.match_id)
where match_groups.status_code = 'exception'
    and exceptions.exception_id is null
