"""The outbox: what is to be sent, and that nothing held ever is.

What belongs here: turning artifacts into intents, holding, releasing, superseding and resuming
them, each in one transaction with its event. What does not: sending
(`orchestration.ledger.outbox_claims`), receivers' health. What stands above imports this.

An intent is one content of one document for one target. Its key is made of kind, natural key,
version and target; the same key with another payload is an error that names the field.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from orchestration.core.delivery.answers import State
from orchestration.core.delivery.payloads import differences, fingerprint, payload_hash
from orchestration.core.errors import ReconError, UsageRefused
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.outbox_rows import ArtifactRow, Known, intent_row
from orchestration.ledger.outbox_tables import intents

KEYS_AT_ONCE = 500
_SENT_OR_WAITING = frozenset(State) - {State.HELD, State.REFUSED, State.SUPERSEDED}


class SameKeyOtherPayload(ReconError):
    """Artifacts come under keys that are taken by other contents; the message names the fields."""


@dataclass(slots=True)
class EnqueueReport:
    """What became of artifacts.

    Attributes:
        released: Intents that may be sent from now on.
        held: New intents that may not, and such that no longer may.
        unchanged: Artifacts that were known as they are.
        superseded: Unsent intents in whose place newer ones came.
        stale: Artifacts older than what is known of their document; never sent.
        conflicts: One sentence per artifact whose key is taken by another payload.
    """

    released: int = 0
    held: int = 0
    unchanged: int = 0
    superseded: int = 0
    stale: int = 0
    conflicts: list[str] = field(default_factory=list)

    def add(self, other: "EnqueueReport") -> None:
        """Count another batch in."""
        self.released += other.released
        self.held += other.held
        self.unchanged += other.unchanged
        self.superseded += other.superseded
        self.stale += other.stale
        self.conflicts += other.conflicts

    def refuse_conflicts(self) -> None:
        """Raise what cannot be: the same key with another payload.

        Raises:
            SameKeyOtherPayload: With every conflict found.
        """
        if self.conflicts:
            raise SameKeyOtherPayload(
                f"{len(self.conflicts)} artifacts come under a key that has another payload; they "
                "were not taken, all others were:\n  "
                + "\n  ".join(self.conflicts)
                + "\nA changed document needs a higher artifact_version: mend the model that made "
                "it."
            )


@dataclass(slots=True)
class _Batch:
    """What one call of `enqueue` is going to write."""

    connection: Connection
    actor: Actor
    at: datetime
    now: datetime
    gate_run_id: str
    next_no: int
    known: dict[tuple[str, str], dict[int, Known]]
    report: EnqueueReport = field(default_factory=EnqueueReport)
    new: list[ArtifactRow] = field(default_factory=list)
    to_release: list[tuple[Known, ArtifactRow]] = field(default_factory=list)
    to_hold: list[tuple[Known, ArtifactRow]] = field(default_factory=list)
    to_supersede: list[tuple[Known, ArtifactRow]] = field(default_factory=list)


def enqueue(
    connection: Connection,
    rows: Sequence[ArtifactRow],
    *,
    gate_run_id: str,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> EnqueueReport:
    """Make the outbox know these artifacts; safe to call again with the same ones.

    Args:
        connection: From `Ledger.write`.
        rows: A few thousand at most, a lower version of a document before a higher one.
        gate_run_id: The run whose gates the rows with status `ready` passed.
        actor: Who enqueues.
        at: By the wall clock, for the events; aware.
        now: By the clock of waits (`outbox_clock`), from which on they may be sent; aware.

    Returns:
        What became of them. Conflicts are in the report and not raised, so that one wrong artifact
        does not keep the others from going: call `refuse_conflicts` when all is enqueued.
    """
    last_no = connection.execute(select(func.max(intents.c.intent_no))).scalar() or 0
    known = _known(connection, rows)
    batch = _Batch(connection, actor, at, now, gate_run_id, last_no + 1, known)
    for row in rows:
        _place(batch, row)
    _write_new(batch)
    _write_changed(batch)
    return batch.report


def release(
    connection: Connection,
    intent_ids: Sequence[str],
    *,
    gate_run_id: str,
    actor: Actor,
    at: datetime,
    now: datetime,
    approval_id: str | None = None,
    reason: str = "Released by a decision.",
) -> int:
    """Let held intents be sent; what is not held is left as it is. Returns how many.

    Raises:
        UsageRefused: An intent needs an approval and none is named.
        IntegrityError: The named approval was never granted (SQLAlchemy's, from the trigger).
    """
    chosen = (
        select(intents)
        .where(intents.c.intent_id.in_(list(intent_ids)), intents.c.state == State.HELD)
        .order_by(intents.c.intent_no)
    )
    found = [dict(row) for row in connection.execute(chosen).mappings()]
    lacking = [row["intent_id"] for row in found if row["needs_approval"] and approval_id is None]
    if lacking:
        raise UsageRefused(
            f"{', '.join(lacking)}: the receiver asked for confirmation, so an approval is needed. "
            "Name it."
        )
    drafts = [
        _release_draft(row, row["intent_id"], gate_run_id, approval_id, actor, at, reason)
        for row in found
    ]
    _set_ready(
        connection,
        [
            {"id_": row["intent_id"], "seq_": event.seq}
            for row, event in zip(found, append(connection, drafts), strict=True)
        ],
        gate_run_id=gate_run_id,
        approval_id=approval_id,
        now=now,
    )
    return len(found)


def resume(
    connection: Connection,
    intent_id: str,
    *,
    actor: Actor,
    at: datetime,
    now: datetime,
    reason: str,
    may_resume: Callable[[str], Collection[str]],
) -> str:
    """Let a parked intent go on after somebody looked at it; the same key is used again.

    Args:
        connection: From `Ledger.write`.
        intent_id: A parked one.
        actor: Who says so.
        at: By the wall clock.
        now: By the clock of waits, from which on it may be sent.
        reason: Why it will go now.
        may_resume: The roles that may, by target.

    Returns:
        Its state from now on: `unknown` when its outcome was, so that it is looked up or sent
        again as its target allows; else `ready`.

    Raises:
        UsageRefused: There is no such intent, or it is not parked.
        NotAllowed: The actor has none of the roles.
    """
    row = connection.execute(select(intents).where(intents.c.intent_id == intent_id)).first()
    if row is None or row.state != State.PARKED:
        stands = "there is no such intent" if row is None else f"it is {row.state}"
        raise UsageRefused(
            f"{intent_id} cannot be resumed: {stands}. `meshline deliver status` lists what is "
            "parked."
        )
    roles = may_resume(row.target_code)
    if actor.role not in roles:
        raise NotAllowed(
            f"{actor.actor_id} ({actor.role or 'without a role'}) may not resume what is parked "
            f"for {row.target_code}: {', '.join(sorted(roles))} may."
        )
    state = State.UNKNOWN if row.was_unknown else State.READY
    payload = {"state": state.value, "was": row.last_error_class}
    append(
        connection,
        [Draft(at, actor, "intent_resumed", "intent", intent_id, reason, payload, row.recon_key)],
    )
    connection.execute(
        update(intents)
        .where(intents.c.intent_id == intent_id)
        .values(state=state, failures=0, next_at=moment_text(now))
    )
    return state.value


def idem_key_of(row: ArtifactRow) -> str:
    """Return the key under which a receiver knows a document: the same for every attempt."""
    parts = (row.artifact_kind, row.natural_key, row.artifact_version, row.target_code)
    return f"ml_{fingerprint(*parts)[:40]}"


def _known(
    connection: Connection, rows: Sequence[ArtifactRow]
) -> dict[tuple[str, str], dict[int, Known]]:
    """What is known of the documents of rows, by target and natural key, then by version."""
    found: dict[tuple[str, str], dict[int, Known]] = defaultdict(dict)
    keys = sorted({row.natural_key for row in rows})
    columns = [intents.c[name] for name in Known.__dataclass_fields__]
    for start in range(0, len(keys), KEYS_AT_ONCE):
        chosen = select(*columns).where(
            intents.c.natural_key.in_(keys[start : start + KEYS_AT_ONCE]),
            intents.c.target_code.in_({row.target_code for row in rows}),
        )
        for each in connection.execute(chosen).mappings():
            one = Known(**each)
            found[one.target_code, one.natural_key][one.artifact_version] = one
    return found


def _place(batch: _Batch, row: ArtifactRow) -> None:
    """Decide what becomes of one artifact."""
    versions = batch.known[row.target_code, row.natural_key]
    same = versions.get(row.artifact_version)
    if same is not None:
        _place_known(batch, row, same)
        return
    if row.status_code not in ("held", "ready"):
        return  # superseded or delivered before it was ever seen here
    latest = versions[max(versions)] if versions else None
    if latest is not None and latest.artifact_version > row.artifact_version:
        batch.report.stale += 1
        return
    if (
        latest is not None
        and latest.content_hash == row.content_hash
        and State(latest.state) in _SENT_OR_WAITING
    ):
        batch.report.unchanged += 1
        return
    for older in versions.values():
        if older.state == State.HELD:
            batch.to_supersede.append((older, row))
            older.state = State.SUPERSEDED
    batch.new.append(row)
    versions[row.artifact_version] = Known.of(row)


def _place_known(batch: _Batch, row: ArtifactRow, same: Known) -> None:
    """Decide what becomes of an artifact whose key is known."""
    if same.payload_hash != payload_hash(row.payload) or same.content_hash != row.content_hash:
        batch.report.conflicts.append(_conflict(batch, row, same))
        return
    unsent = same.state == State.READY and same.attempts == 0
    if same.state == State.HELD and row.status_code == "ready" and not same.needs_approval:
        batch.to_release.append((same, row))
        same.state = State.READY
    elif unsent and row.status_code == "held":
        batch.to_hold.append((same, row))
        same.state = State.HELD
    elif (unsent or same.state == State.HELD) and row.status_code == "superseded":
        batch.to_supersede.append((same, row))
        same.state = State.SUPERSEDED
    else:
        batch.report.unchanged += 1


def _conflict(batch: _Batch, row: ArtifactRow, same: Known) -> str:
    """Say which field of a payload is not what it was under its key."""
    before = batch.connection.execute(
        select(intents.c.payload).where(intents.c.intent_id == same.intent_id)
    ).scalar()
    if before is None:  # of this very batch
        before = next(
            one.payload
            for one in batch.new
            if (one.target_code, one.natural_key, one.artifact_version)
            == (row.target_code, row.natural_key, row.artifact_version)
        )
    fields = "; ".join(differences(before, row.payload)) or "content_hash alone differs"
    return (
        f"{row.artifact_kind} {row.natural_key} version {row.artifact_version} for "
        f"{row.target_code} ({same.intent_id}, {same.state}): {fields}"
    )


def _write_new(batch: _Batch) -> None:
    """Write intents that were not known."""
    rows = batch.new
    numbered = [
        intent_row(row, idem_key_of(row), batch.next_no + index, batch.now)
        for index, row in enumerate(rows)
    ]
    drafts = [
        _release_draft(
            made,
            made["intent_id"],
            batch.gate_run_id,
            None,
            batch.actor,
            batch.at,
            f"Its gates passed in {batch.gate_run_id}.",
        )
        if row.status_code == "ready"
        else _draft(batch, "intent_held", made["intent_id"], row, row.hold_reason or "Held.")
        for made, row in zip(numbered, rows, strict=True)
    ]
    appended = append(batch.connection, drafts)
    for made, row, event in zip(numbered, rows, appended, strict=True):
        if row.status_code == "ready":
            made |= {
                "state": State.READY,
                "gate_run_id": batch.gate_run_id,
                "release_seq": event.seq,
                "hold_reason": None,
            }
            batch.report.released += 1
        else:
            batch.report.held += 1
    if numbered:
        batch.connection.execute(insert(intents), numbered)


def _write_changed(batch: _Batch) -> None:
    """Release, hold and supersede intents that were known."""
    released = append(
        batch.connection,
        [
            _release_draft(
                intent_row(row, one.idem_key, 0, batch.now),
                one.intent_id,
                batch.gate_run_id,
                None,
                batch.actor,
                batch.at,
                f"Its gates passed in {batch.gate_run_id}.",
            )
            for one, row in batch.to_release
        ],
    )
    _set_ready(
        batch.connection,
        [
            {"id_": one.intent_id, "seq_": event.seq}
            for (one, _), event in zip(batch.to_release, released, strict=True)
        ],
        gate_run_id=batch.gate_run_id,
        approval_id=None,
        now=batch.now,
    )
    batch.report.released += len(batch.to_release)
    for pairs, action, state in (
        (batch.to_hold, "intent_held", State.HELD),
        (batch.to_supersede, "intent_superseded", State.SUPERSEDED),
    ):
        reasons = [
            (one, row, row.hold_reason or f"Version {row.artifact_version} of it is known.")
            for one, row in pairs
        ]
        append(
            batch.connection,
            [_draft(batch, action, one.intent_id, row, reason) for one, row, reason in reasons],
        )
        _set_state(
            batch.connection,
            [{"id_": one.intent_id, "hold_": reason} for one, _, reason in reasons],
            state,
        )
    batch.report.held += len(batch.to_hold)
    batch.report.superseded += len(batch.to_supersede)


def _set_ready(
    connection: Connection,
    found: Sequence[Mapping[str, object]],
    *,
    gate_run_id: str,
    approval_id: str | None,
    now: datetime,
) -> None:
    """Let intents be sent, each with the event that released it."""
    values: dict[str, Any] = {
        "state": State.READY,
        "gate_run_id": gate_run_id,
        "release_seq": bindparam("seq_"),
        "hold_reason": None,
        "next_at": moment_text(now),
    }
    if approval_id is not None:
        values["approval_id"] = approval_id
    if found:
        connection.execute(
            update(intents).where(intents.c.intent_id == bindparam("id_")).values(values),
            found,
        )


def _set_state(connection: Connection, found: Sequence[Mapping[str, object]], state: State) -> None:
    """Keep intents from being sent."""
    if found:
        connection.execute(
            update(intents)
            .where(intents.c.intent_id == bindparam("id_"))
            .values(state=state, hold_reason=bindparam("hold_")),
            found,
        )


def _release_draft(
    row: Mapping[str, Any],
    intent_id: str,
    gate_run_id: str,
    approval_id: str | None,
    actor: Actor,
    at: datetime,
    reason: str,
) -> Draft:
    """The event that releases an intent: the proof that the triggers look for."""
    payload = {
        "payload_hash": row["payload_hash"],
        "target_code": row["target_code"],
        "artifact_kind": row["artifact_kind"],
        "natural_key": row["natural_key"],
        "artifact_version": row["artifact_version"],
        "rule_id": row["rule_id"],
        "rule_version": row["rule_version"],
        "amount": row["amount"],
        "currency_code": row["currency_code"],
        "gate_run_id": gate_run_id,
        "approval_id": approval_id,
    }
    key = row["recon_key"]
    return Draft(at, actor, "intent_released", "intent", intent_id, reason, payload, key)


def _draft(batch: _Batch, action: str, intent_id: str, row: ArtifactRow, reason: str) -> Draft:
    """An event about an intent that may not be sent."""
    payload = {
        "target_code": row.target_code,
        "artifact_kind": row.artifact_kind,
        "natural_key": row.natural_key,
        "artifact_version": row.artifact_version,
    }
    return Draft(batch.at, batch.actor, action, "intent", intent_id, reason, payload, row.recon_key)
