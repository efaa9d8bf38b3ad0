"""The outbox: what is to be sent, and that nothing held ever is.

What belongs here: turning artifacts into intents, holding and superseding them, each in one
transaction with its event. What does not: letting them go by decision
(`orchestration.ledger.outbox_release`), sending (`orchestration.ledger.outbox_claims`), receivers'
health. What stands above imports this.

An intent is one content of one document for one target. Its key is made of kind, natural key,
version and target; the same key with another payload is an error that names the field.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from orchestration.core.delivery.answers import State
from orchestration.core.delivery.payloads import differences, fingerprint, payload_hash
from orchestration.ledger.events import Actor, Draft, append
from orchestration.ledger.outbox_release import release_draft, set_ready
from orchestration.ledger.outbox_report import EnqueueReport
from orchestration.ledger.outbox_rows import ArtifactRow, Known, intent_row
from orchestration.ledger.outbox_tables import intents

KEYS_AT_ONCE = 500
_SENT_OR_WAITING = frozenset(State) - {State.HELD, State.REFUSED, State.SUPERSEDED}


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
        release_draft(
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
            release_draft(
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
    set_ready(
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


def _set_state(connection: Connection, found: Sequence[Mapping[str, object]], state: State) -> None:
    """Keep intents from being sent."""
    if found:
        connection.execute(
            update(intents)
            .where(intents.c.intent_id == bindparam("id_"))
            .values(state=state, hold_reason=bindparam("hold_")),
            found,
        )


def _draft(batch: _Batch, action: str, intent_id: str, row: ArtifactRow, reason: str) -> Draft:
    """An event about an intent that may not be sent."""
    payload = {
        "target_code": row.target_code,
        "artifact_kind": row.artifact_kind,
        "natural_key": row.natural_key,
        "artifact_version": row.artifact_version,
    }
    return Draft(batch.at, batch.actor, action, "intent", intent_id, reason, payload, row.recon_key)
