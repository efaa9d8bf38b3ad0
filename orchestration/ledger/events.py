"""Appending events to the chain.

What belongs here: numbering, chaining and storing drafts inside the caller's transaction. What does
not: which events there are. The ledger package and what stands above it import this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from orchestration.core.chain import COLUMNS, COLUMNS_OF, GENESIS, Event, canonical, event_hash
from orchestration.core.errors import ReconError, UsageRefused
from orchestration.core.private import masked
from orchestration.ledger.tables import events

ROWS_AT_ONCE = 10_000
ENGINE_ROLE = "engine"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        actor_id: The person (not the account), or `engine:<run id>`.
        role: In which role.
        principal_id: What was authenticated: the person's account, or the service that acts for
            the person; both are on record.
    """

    actor_id: str
    role: str
    principal_id: str

    @classmethod
    def engine(cls, run_id: str) -> "Actor":
        """The engine in one of its runs."""
        return cls(f"engine:{run_id}", ENGINE_ROLE, f"engine:{run_id}")


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it has its place in the chain.

    Attributes:
        at: When, aware; given by the caller's clock and never used to put events in order.
        actor: Who.
        action: Verb and object in snake case, such as `ticket_opened`.
        subject_type: What kind of thing it is about, such as `ticket`.
        subject_id: Which one.
        reason: Why. E-mail addresses and card numbers in it are masked: it can never be erased.
        payload: What JSON can hold, without floating point numbers; amounts are texts.
        recon_key: The order that it concerns; None or empty for none.
    """

    at: datetime
    actor: Actor
    action: str
    subject_type: str
    subject_id: str
    reason: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)
    recon_key: str | None = None


def append(connection: Connection, drafts: Sequence[Draft]) -> tuple[Event, ...]:
    """Append events to the chain in the order given, inside the caller's transaction.

    Args:
        connection: From `Ledger.write`, which holds the ledger until the transaction ends.
        drafts: Any number of them.

    Returns:
        The events as they were stored, in the same order.

    Raises:
        NotCanonical: A payload holds what has no canonical form; nothing was stored.
        UsageRefused: A text holds the character NUL, which no database keeps.
        ReconError: A moment has no offset.
    """
    last = connection.execute(
        select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)
    ).first()
    seq, prev_hash = (last.seq, last.hash) if last is not None else (0, GENESIS)
    made = []
    for draft in drafts:
        seq += 1
        made.append(_chained(draft, seq, prev_hash))
        prev_hash = made[-1].hash
    for start in range(0, len(made), ROWS_AT_ONCE):
        rows = [
            dict(zip(COLUMNS, COLUMNS_OF(one), strict=True))
            for one in made[start : start + ROWS_AT_ONCE]
        ]
        connection.execute(insert(events), rows)
    return tuple(made)


def moment_text(moment: datetime) -> str:
    """Return a moment as the ledger keeps it: ISO 8601, UTC, microseconds, `Z`.

    Raises:
        ReconError: It has no offset, so nobody knows when it was.
    """
    if moment.tzinfo is None:
        raise ReconError(f"{moment.isoformat()} has no offset: give an aware moment.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _chained(draft: Draft, seq: int, prev_hash: str) -> Event:
    """One draft in its place."""
    texts = (
        moment_text(draft.at),
        draft.actor.actor_id,
        draft.actor.role,
        draft.actor.principal_id,
        draft.action,
        draft.subject_type,
        draft.subject_id,
        draft.recon_key or None,
        masked(draft.reason),
        canonical(draft.payload),
        prev_hash,
    )
    if any("\0" in text for text in texts if text):
        raise UsageRefused(
            f"A text of the event {draft.action} about {draft.subject_id!r} holds the character "
            "NUL. Give it without."
        )
    try:
        "".join(filter(None, texts)).encode()
    except UnicodeEncodeError:
        raise UsageRefused(
            f"A text of the event {draft.action} about {draft.subject_id!r} is not Unicode."
        ) from None
    return Event(seq, *texts, event_hash((seq, *texts)))
