"""What a receiver can answer, and what an intent can be.

What belongs here: the classes of answers, the states of intents, and what follows from an answer.
What does not: reading an answer off a protocol (each target does). Anyone may import this.

The list of classes is closed: what fits none of them is a defect of the target's class and fails
the worker, because a guess here writes an invoice twice or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where an intent stands."""

    HELD = "held"
    READY = "ready"
    INFLIGHT = "inflight"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SWEPT = "swept"
    PARKED = "parked"
    SUPERSEDED = "superseded"


# Delivered: `done` by the receiver's answer, `swept` by looking the document up.
DELIVERED = frozenset({State.DONE, State.SWEPT})
# Later intents of the same order and target wait for these.
BLOCKING = (State.READY, State.INFLIGHT, State.UNKNOWN, State.PARKED)


class AnswerClass(StrEnum):
    """What one answer means."""

    CREATED = "created"
    EXISTED_SAME = "already_existed_same"
    EXISTED_DIFFERENT = "already_existed_different"
    REFUSED = "refused"
    NEEDS_CONFIRMATION = "needs_confirmation"
    THROTTLED = "throttled"
    AUTH_EXPIRED = "auth_expired"
    TRANSIENT = "transient"
    AMBIGUOUS = "ambiguous"
    ABSENT = "absent"
    DUPLICATED = "duplicated"
    UNSENT = "unsent"


# These say that the receiver is unwell, whatever the document.
RECEIVER_FAILED = frozenset(
    {AnswerClass.TRANSIENT, AnswerClass.AMBIGUOUS, AnswerClass.AUTH_EXPIRED}
)
NEXT_STATE: Mapping[AnswerClass, State] = {
    AnswerClass.CREATED: State.DONE,
    AnswerClass.EXISTED_SAME: State.DONE,
    AnswerClass.EXISTED_DIFFERENT: State.PARKED,
    AnswerClass.REFUSED: State.REFUSED,
    AnswerClass.NEEDS_CONFIRMATION: State.HELD,
    AnswerClass.THROTTLED: State.READY,
    AnswerClass.AUTH_EXPIRED: State.READY,
    AnswerClass.TRANSIENT: State.READY,
    AnswerClass.AMBIGUOUS: State.UNKNOWN,
    # Of a look-up: it is not there and, the settle time being over, will not come any more.
    AnswerClass.ABSENT: State.READY,
    AnswerClass.DUPLICATED: State.PARKED,
    # Never called: the lease was about to end.
    AnswerClass.UNSENT: State.READY,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one intent in one call.

    Attributes:
        kind: The class.
        receiver_ref: The receiver's id of the document; None when it gave none.
        detail: For people; at most a few hundred characters, without secrets.
        retry_after: What the header of that name said, unread; None without.
        seconds: How long the call took, seconds.
        was_looked_up: Whether it was found by looking it up, not by writing it.
    """

    kind: AnswerClass
    receiver_ref: str | None = None
    detail: str = ""
    retry_after: str | None = None
    seconds: float = 0.0
    was_looked_up: bool = False
