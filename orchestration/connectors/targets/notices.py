"""What receivers tell unasked: webhooks, which may be forged, repeated, late or out of order.

What belongs here: whether a notice is genuine and new, and asking the receiver itself. What does
not: how it comes in. `orchestration.delivery` and tests import this.

A notice is believed in one thing: that something about one of our documents is worth a look. The
state is then fetched from the receiver, so it does not matter in which order notices come, how late
they are, or what else they say.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from orchestration.connectors.targets.base import Held, Target, differs
from orchestration.core.delivery.answers import DELIVERED, State
from orchestration.core.errors import UsageRefused
from orchestration.ledger.events import Draft, append, moment_text
from orchestration.ledger.outbox_claims import Worker
from orchestration.ledger.outbox_clock import DeliveryClock
from orchestration.ledger.outbox_documents import Document, document_of_key
from orchestration.ledger.outbox_review import Finding, Found, record_findings
from orchestration.ledger.outbox_tables import intents
from orchestration.ledger.store import Ledger
from orchestration.ledger.tables import events

# A signature older than this is a replay, or of a clock that is wrong.
TOLERANCE = timedelta(seconds=300)
MOST_BYTES = 64 * 1024
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Noticed:
    """What became of a notice.

    Attributes:
        is_new: Whether it was heard for the first time; else nothing was done.
        found: `same`, `soon` (not settled yet: the next delivery looks), or a finding.
    """

    event_id: str
    is_new: bool
    found: str


def check_signature(body: bytes, signature: str, secret: str, now: datetime) -> None:
    """Refuse a notice that the receiver did not sign just now.

    Args:
        body: As it came.
        signature: `t=<seconds>,v1=<HMAC-SHA256 of "t.body">`, as we sign what we send.
        secret: Shared with the receiver; without one no notice is believed.
        now: By the wall clock, aware.

    Raises:
        UsageRefused: It is forged, replayed, unsigned or too long.
    """
    if not secret:
        raise UsageRefused("No notice is believed without a secret: set it, see docs/delivery.md.")
    if len(body) > MOST_BYTES:
        raise UsageRefused(f"A notice has at most {MOST_BYTES} bytes.")
    said = _SIGNATURE.fullmatch(signature.strip())
    if said is None:
        raise UsageRefused("The signature of the notice is not of the form t=...,v1=....")
    wanted = hmac.new(secret.encode(), said[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, said[2]):
        raise UsageRefused("The signature of the notice is wrong: it is forged, or was changed.")
    if abs(now - datetime.fromtimestamp(int(said[1]), UTC)) > TOLERANCE:
        raise UsageRefused("The signature of the notice is too old or of the future: a replay.")


def take_notice(
    ledger: Ledger,
    clock: DeliveryClock,
    target: Target,
    worker: Worker,
    body: bytes,
    signature: str,
    secret: str,
) -> Noticed:
    """Look at the document that a notice names, once a notice.

    Args:
        ledger: Where the outbox is.
        clock: The clock of waits.
        target: Open; asked, never written to.
        worker: Who looks.
        body: JSON with `id` of the notice and `idempotency_key` of the document; all else is not
            read.
        signature: See `check_signature`.
        secret: The same.

    Raises:
        UsageRefused: It is not genuine, names no document of this target, or is no JSON.
        CallFailed: The receiver could not be asked; the notice may come again.
    """
    check_signature(body, signature, secret, clock.wall())
    event_id, key = _read(body)
    subject = f"{target.code}:{event_id}"
    with ledger.read() as connection:
        document = document_of_key(connection, target.code, key)
        known = select(events.c.seq).where(
            events.c.subject_type == "notice", events.c.subject_id == subject
        )
        if connection.execute(known.limit(1)).first() is not None:
            return Noticed(event_id, is_new=False, found="")
    if document is None:
        raise UsageRefused(f"{target.code} was never sent a document under the key of the notice.")
    found = _judged(document, target.look_up(ledger, document))
    with ledger.write() as connection:
        now, at = clock.keep(connection), clock.wall()
        if connection.execute(known.limit(1)).first() is not None:
            return Noticed(event_id, is_new=False, found="")
        row = connection.execute(
            select(intents.c.state).where(intents.c.intent_id == document.intent_id)
        ).one()
        if row.state not in DELIVERED:
            outcome = "soon"
            connection.execute(
                update(intents)
                .where(intents.c.intent_id == document.intent_id, intents.c.state == State.UNKNOWN)
                .values(next_at=moment_text(now))
            )
        elif found is None:
            outcome = "same"
        else:
            outcome = found.finding.value
            record_findings(connection, [found], actor=worker.actor, at=at, now=now)
        payload = {"idempotency_key": key, "found": outcome}
        reason = f"{target.code} told that something changed."
        draft = Draft(at, worker.actor, "notice_taken", "notice", subject, reason, payload)
        append(connection, [draft])
    return Noticed(event_id, is_new=True, found=outcome)


def _read(body: bytes) -> tuple[str, str]:
    """Id of the notice, and key of the document."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, Mapping):
        raise UsageRefused("The notice is no JSON object.")
    event_id, key = said.get("id"), said.get("idempotency_key")
    if not isinstance(event_id, str) or not isinstance(key, str) or not 0 < len(event_id) <= 200:
        raise UsageRefused("The notice lacks `id` or `idempotency_key`.")
    return event_id, key


def _judged(document: Document, held: tuple[Held, ...]) -> Found | None:
    """What is wrong with a document at its receiver; None when nothing is."""
    if not held:
        detail = "The receiver told of it and does not have it; it is sent again."
        return Found(document.intent_id, Finding.MISSING, detail)
    if len(held) > 1:
        refs = ", ".join(one.receiver_ref for one in held[:5])
        detail = f"The receiver has it {len(held)} times: {refs}. Void all but one there."
        return Found(document.intent_id, Finding.DUPLICATED, detail)
    difference = differs(document, held[0])
    return Found(document.intent_id, Finding.DIFFERENT, difference) if difference else None
