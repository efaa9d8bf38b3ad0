-- Harm prevented: an order jumps to a state that it cannot be in, and nobody can explain how.

select
    state_changes.subject_type,
    state_changes.recon_key,
    state_changes.leg_code,
    state_changes.from_code,
    state_changes.to_code
from {{ ref('int_state_changes') }} as state_changes
left join {{ ref('transitions') }} as transitions
    on state_changes.subject_type = transitions.subject_type
    and state_changes.from_code = coalesce(transitions.from_code, '')
    and state_changes.to_code = transitions.to_code
where transitions.to_code is null
