"""What is found when delivered documents are compared with what a receiver holds.

What belongs here: putting duplicates, losses, strangers and differences on record, and what follows
from them. What does not: asking the receiver. `orchestration.connectors.targets` imports this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from orchestration.core.delivery.answers import DELIVERED, State
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.outbox_tables import intents


class Finding(StrEnum):
    """What may be wrong with a delivered document."""

    MISSING = "missing_at_receiver"
    DUPLICATED = "duplicated_at_receiver"
    DIFFERENT = "different_at_receiver"


@dataclass(frozen=True, slots=True)
class Found:
    """One document with which something is wrong.

    Attributes:
        detail: For people.
    """

    intent_id: str
    finding: Finding
    detail: str


def record_findings(
    connection: Connection,
    findings: Sequence[Found],
    *,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> int:
    """Put findings on record; returns how many were new.

    What the receiver lost is sent again under the same key, since that is what it asks for with its
    list. What it holds twice or otherwise is parked with its order until somebody has looked.
    """
    by_id = {one.intent_id: one for one in findings}
    rows: list[Any] = []
    ids = sorted(by_id)
    for start in range(0, len(ids), 500):
        chosen = select(intents.c.intent_id, intents.c.recon_key, intents.c.target_code).where(
            intents.c.intent_id.in_(ids[start : start + 500]), intents.c.state.in_(DELIVERED)
        )
        rows += connection.execute(chosen).all()
    drafts, changes = [], []
    for row in rows:
        one = by_id[row.intent_id]
        is_lost = one.finding is Finding.MISSING
        action = "intent_reopened" if is_lost else "intent_parked"
        payload = {"finding": one.finding.value, "target_code": row.target_code}
        drafts.append(
            Draft(at, actor, action, "intent", row.intent_id, one.detail, payload, row.recon_key)
        )
        changes.append(
            {
                "id_": row.intent_id,
                "state_": State.READY if is_lost else State.PARKED,
                "class_": one.finding.value,
                "error_": one.detail[:300],
            }
        )
    append(connection, drafts)
    if changes:
        connection.execute(
            update(intents)
            .where(intents.c.intent_id == bindparam("id_"))
            .values(
                state=bindparam("state_"),
                last_error_class=bindparam("class_"),
                last_error=bindparam("error_"),
                sweep_at=None,
                settled_at=None,
                first_sent_at=None,
                failures=0,
                next_at=moment_text(now),
            ),
            changes,
        )
    return len(changes)


def record_adopted(
    connection: Connection,
    adopted: Sequence[tuple[str, str]],
    *,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> int:
    """Call delivered what a receiver holds though it was never sent from here; returns how many.

    Args:
        connection: From `Ledger.write`.
        adopted: Intent and the receiver's id of it; what is not ready any more is left as it is.
        actor: Who found it.
        at: By the wall clock.
        now: By the clock of waits.
    """
    refs = dict(adopted)
    rows: list[Any] = []
    ids = sorted(refs)
    for start in range(0, len(ids), 500):
        chosen = select(intents.c.intent_id, intents.c.recon_key).where(
            intents.c.intent_id.in_(ids[start : start + 500]),
            intents.c.state == State.READY,
            intents.c.attempts == 0,
        )
        rows += connection.execute(chosen).all()
    reason = "The receiver holds these contents already, from before this ledger began."
    append(
        connection,
        [
            Draft(
                at,
                actor,
                "intent_found_delivered",
                "intent",
                row.intent_id,
                reason,
                {"receiver_ref": refs[row.intent_id], "finding": "adopted"},
                row.recon_key,
            )
            for row in rows
        ],
    )
    if rows:
        connection.execute(
            update(intents)
            .where(intents.c.intent_id == bindparam("id_"))
            .values(state=State.SWEPT, receiver_ref=bindparam("ref_"), settled_at=moment_text(now)),
            [{"id_": row.intent_id, "ref_": refs[row.intent_id]} for row in rows],
        )
    return len(rows)


def sweep_done(
    connection: Connection, intent_ids: Sequence[str], again_at: datetime | None = None
) -> None:
    """Put down that documents were looked up once more; again later when that did not work."""
    rows = [{"id_": each} for each in intent_ids]
    if rows:
        connection.execute(
            update(intents)
            .where(intents.c.intent_id == bindparam("id_"))
            .values(sweep_at=moment_text(again_at) if again_at is not None else None),
            rows,
        )
