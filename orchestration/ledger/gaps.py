"""A part of the ledger is lost for good, and two people say so: then work goes on after it.

What belongs here: the two events, who may make them, putting the old heads aside. What does not:
finding what is lost (`orchestration.warehouse.ledger_gap`, the heads), and the check
(`orchestration.ledger.verifier`). Whoever may import the ledger may import this.

The gap stays visible: in two events of the chain, in the heads that are kept as evidence, and in
every answer of the check from then on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from orchestration.core.errors import UsageRefused
from orchestration.core.heads import Head
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.keys import HASHES_FILE, HEADS_FILE, last_head
from orchestration.ledger.tables import events

ASKED, ACCEPTED = "ledger_gap_asked", "ledger_gap_accepted"
MAY = frozenset({"control", "platform"})


@dataclass(frozen=True, slots=True)
class Gap:
    """What is known outside of the ledger and not in it.

    Attributes:
        gap_id: The same for the same gap.
        signed: Events that were signed; 0 when no head is concerned.
        taken_over: Events that the warehouse had taken over.
        kept: The last event that both still have.
        lost_runs: Numbers of runs whose events are lost.
    """

    gap_id: str
    signed: int
    taken_over: int
    kept: int
    lost_runs: tuple[int, ...]

    def payload(self) -> dict[str, Any]:
        """What its events say."""
        return {
            "signed": self.signed,
            "taken_over": self.taken_over,
            "kept": self.kept,
            "lost_runs": list(self.lost_runs),
        }


def lost_head(connection: Connection, folder: Path) -> Head | None:
    """Return the last head when the ledger is not a continuation of it; None when it is."""
    head = last_head(folder)
    if head is None or head.size == 0:
        return None
    there = select(events.c.hash).where(events.c.seq == head.size)
    return None if connection.execute(there).scalar() == head.last_hash else head


def accept_gap(
    connection: Connection, gap: Gap, actor: Actor, *, at: datetime, reason: str
) -> Actor | None:
    """Take one of the two steps; returns who took the first when this is the second, else None.

    Args:
        connection: From `Ledger.write`.
        gap: What is lost.
        actor: Who; two different people, of control or platform, one of them of control.
        at: When, aware.
        reason: Why it cannot be put back.

    Raises:
        NotAllowed: The actor may not, or would be both.
        UsageRefused: No reason is given.
    """
    if not reason.strip():
        raise UsageRefused("Say why it cannot be put back: --reason TEXT.")
    if actor.role not in MAY:
        raise NotAllowed(f"{actor.actor_id} is of {actor.role}; control or platform accept a gap.")
    asked = connection.execute(
        select(events.c.actor_id, events.c.actor_role, events.c.principal_id).where(
            events.c.action == ASKED, events.c.subject_id == gap.gap_id
        )
    ).first()
    if asked is None:
        append(connection, [_draft(ASKED, gap, actor, at, reason)])
        return None
    if asked.actor_id == actor.actor_id:
        raise NotAllowed(f"{actor.actor_id} has asked for it; somebody else has to accept it.")
    if "control" not in {asked.actor_role, actor.role}:
        raise NotAllowed("One of the two has to be of control.")
    append(connection, [_draft(ACCEPTED, gap, actor, at, reason)])
    return Actor(asked.actor_id, asked.actor_role, asked.principal_id)


def put_heads_aside(folder: Path, published: Sequence[dict[str, Any]], at: datetime) -> Path:
    """Keep heads and hashes of the lost history as evidence; returns where."""
    aside = folder / f"gap_{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(parents=True)
    for name in (HEADS_FILE, HASHES_FILE):
        if (folder / name).exists():
            (folder / name).rename(aside / name)
    lines = "".join(json.dumps(dict(row), default=str, sort_keys=True) + "\n" for row in published)
    (aside / "published.jsonl").write_text(lines, encoding="utf-8")
    return aside


def _draft(action: str, gap: Gap, actor: Actor, at: datetime, reason: str) -> Draft:
    return Draft(
        at, actor, action, "ledger", gap.gap_id, reason,
        {**gap.payload(), "said_at": moment_text(at)},
    )  # fmt: skip
