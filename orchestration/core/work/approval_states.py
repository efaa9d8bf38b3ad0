"""The states of a request, and what may happen in each.

What belongs here: the moves, as data. What does not: who may make one (`core.work.signing`),
storing it (`orchestration.ledger.approvals`). Anyone may import this.

requested -> approved -> in_force, and from there back out by revoking or by time. Where glass was
broken it is in force at once and unreviewed, until a second person signed or that time is over.
"""

from collections.abc import Mapping
from enum import StrEnum

from orchestration.core.errors import ReconError


class ApprovalState(StrEnum):
    """Where a request stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    IN_FORCE = "in_force"
    UNREVIEWED = "in_force_unreviewed"
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"


class IllegalMove(ReconError):
    """An event cannot happen in the state that a request is in."""


OPEN = frozenset({ApprovalState.REQUESTED, ApprovalState.UNREVIEWED})
HOLDING = frozenset({ApprovalState.IN_FORCE, ApprovalState.UNREVIEWED})
LIVE = frozenset({*OPEN, *HOLDING, ApprovalState.APPROVED})

# (state, event): the state after it. None is the state of what is not there yet.
MOVES: Mapping[tuple[ApprovalState | None, str], ApprovalState] = {
    (None, "approval_requested"): ApprovalState.REQUESTED,
    (None, "glass_broken"): ApprovalState.UNREVIEWED,
    (ApprovalState.REQUESTED, "approval_signed"): ApprovalState.REQUESTED,
    (ApprovalState.UNREVIEWED, "approval_signed"): ApprovalState.UNREVIEWED,
    (ApprovalState.REQUESTED, "approval_completed"): ApprovalState.APPROVED,
    (ApprovalState.UNREVIEWED, "approval_completed"): ApprovalState.IN_FORCE,
    (ApprovalState.REQUESTED, "approval_rejected"): ApprovalState.REJECTED,
    (ApprovalState.UNREVIEWED, "approval_rejected"): ApprovalState.REVOKED,
    (ApprovalState.APPROVED, "approval_used"): ApprovalState.IN_FORCE,
    (ApprovalState.APPROVED, "approval_reopened"): ApprovalState.REQUESTED,
    **{(state, "approval_revoked"): ApprovalState.REVOKED for state in LIVE},
    **{(state, "approval_expired"): ApprovalState.EXPIRED for state in LIVE},
}
EVENTS = frozenset(event for _, event in MOVES)


def after(state: ApprovalState | None, event: str) -> ApprovalState:
    """Return the state after an event.

    Raises:
        IllegalMove: The event cannot happen there.
    """
    moved = MOVES.get((state, event))
    if moved is None:
        raise IllegalMove(f"{event} cannot happen to a request that is {state or 'not there'}.")
    return moved
