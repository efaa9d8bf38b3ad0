"""The one way from an intent's id to what is sent: only for who holds its lease.

What belongs here: reading what a claim may send, what a look-up compares with, what a target is
said to hold. What does not: sending. `orchestration.connectors.targets` imports this.

A target is given ids, never payloads, and gets the payloads here, from rows that the database lets
be `inflight` only with a release in the chain. So nothing held can be sent, whoever calls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from orchestration.core.delivery.answers import DELIVERED, State
from orchestration.core.errors import ReconError
from orchestration.ledger.events import moment_text
from orchestration.ledger.outbox_claims import Claim
from orchestration.ledger.outbox_tables import intents

ROWS_AT_ONCE = 1000
KEYS_AT_ONCE = 500
_COLUMNS = (
    "intent_id",
    "target_code",
    "artifact_kind",
    "natural_key",
    "artifact_version",
    "recon_key",
    "order_key",
    "order_version",
    "idem_key",
    "amount",
    "currency_code",
    "payload",
    "payload_hash",
    "receiver_ref",
)


class NotReleased(ReconError):
    """Somebody asked to send what is not theirs to send."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is sent of an intent.

    Attributes:
        idem_key: What the receiver knows it by; the same for every attempt.
        amount: Decimal text; None where it has none.
        payload: Canonical JSON.
        payload_hash: Its SHA-256.
        receiver_ref: The receiver's id, once it is known.
    """

    intent_id: str
    target_code: str
    artifact_kind: str
    natural_key: str
    artifact_version: int
    recon_key: str
    order_key: str
    order_version: int
    idem_key: str
    amount: str | None
    currency_code: str | None
    payload: str
    payload_hash: str
    receiver_ref: str | None = None


def claimed_documents(connection: Connection, claimed: Claim) -> dict[str, Document]:
    """Return what a claim may send, by intent id.

    Raises:
        NotReleased: An intent is not inflight under this claim: it is held, another worker has it,
            or its lease ended. Nothing is returned then.
    """
    fences = {one.intent_id: one.fence for one in claimed.taken}
    ids = list(fences)
    found: dict[str, Document] = {}
    for start in range(0, len(ids), KEYS_AT_ONCE):
        chosen = select(intents.c.fence, *(intents.c[name] for name in _COLUMNS)).where(
            intents.c.intent_id.in_(ids[start : start + KEYS_AT_ONCE]),
            intents.c.target_code == claimed.target_code,
            intents.c.state == State.INFLIGHT,
            intents.c.owner == claimed.owner,
        )
        for row in connection.execute(chosen).mappings():
            values = dict(row)
            if values.pop("fence") == fences[values["intent_id"]]:
                found[values["intent_id"]] = Document(**values)
    missing = [each for each in ids if each not in found]
    if missing:
        raise NotReleased(
            f"{len(missing)} intents are not inflight under this claim and are not sent: "
            f"{', '.join(missing[:5])}. Only `meshline deliver` sends, and only what was released."
        )
    return found


def unsettled_sweeps(
    connection: Connection, target_code: str, now: datetime, most: int
) -> tuple[Document, ...]:
    """Return delivered documents that a write of unknown outcome may have doubled."""
    chosen = (
        select(*(intents.c[name] for name in _COLUMNS))
        .where(
            intents.c.target_code == target_code,
            intents.c.sweep_at <= moment_text(now),
            intents.c.state.in_(DELIVERED),
        )
        .order_by(intents.c.sweep_at, intents.c.intent_no)
        .limit(most)
    )
    return tuple(Document(**row) for row in connection.execute(chosen).mappings())


def document_of_key(connection: Connection, target_code: str, idem_key: str) -> Document | None:
    """Return the document that a target was sent under a key; None when it never was."""
    chosen = select(*(intents.c[name] for name in _COLUMNS)).where(
        intents.c.target_code == target_code,
        intents.c.idem_key == idem_key,
        intents.c.attempts > 0,
    )
    row = connection.execute(chosen).mappings().first()
    return None if row is None else Document(**row)


def unsent_documents(connection: Connection, target_code: str) -> Iterator[Sequence[Document]]:
    """Yield what may be sent to a target and never was, some at a time, by idempotency key."""
    yield from _pages(
        connection,
        intents.c.target_code == target_code,
        intents.c.state == State.READY,
        intents.c.attempts == 0,
    )


def delivered_documents(
    connection: Connection, target_code: str, settled_before: datetime
) -> Iterator[Sequence[Document]]:
    """Yield what a target should hold, some at a time, by idempotency key.

    Args:
        connection: Open for reading.
        target_code: The target.
        settled_before: Documents delivered later are left out: the receiver's list may be older.
    """
    yield from _pages(
        connection,
        intents.c.target_code == target_code,
        intents.c.state.in_(DELIVERED),
        intents.c.settled_at <= moment_text(settled_before),
    )


def _pages(connection: Connection, *where: ColumnElement[bool]) -> Iterator[Sequence[Document]]:
    """Documents by idempotency key, some at a time."""
    after = ""
    while True:
        chosen = (
            select(*(intents.c[name] for name in _COLUMNS))
            .where(*where, intents.c.idem_key > after)
            .order_by(intents.c.idem_key)
            .limit(ROWS_AT_ONCE)
        )
        rows = [Document(**row) for row in connection.execute(chosen).mappings()]
        if not rows:
            return
        yield rows
        after = rows[-1].idem_key
