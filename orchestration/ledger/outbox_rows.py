"""Artifacts as the mart has them, and what the outbox makes of one.

What belongs here: shapes. What does not: decisions (`orchestration.ledger.outbox`). What stands
above the ledger imports this.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from orchestration.core.delivery.answers import State
from orchestration.core.delivery.payloads import fingerprint, payload_hash
from orchestration.ledger.events import moment_text


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One row of `marts.fct_artifacts`.

    Attributes:
        artifact_id: Of this version.
        artifact_kind: Such as `invoice`.
        target_code: A target of `seeds/policies/delivery_targets.yml`.
        natural_key: What names the document through all its versions.
        artifact_version: From 1; a changed content has a higher one.
        content_hash: Of what the document says.
        order_key: Documents of one order go to one target in the order of their versions.
        order_version: The version of the order that it was made from.
        status_code: `held`, `ready`, `delivered` or `superseded`.
        payload: Canonical JSON.
        amount: In `currency_code`; None where the document has none.
    """

    artifact_id: str
    artifact_kind: str
    recon_key: str
    tenant: str
    order_key: str
    order_version: int
    rule_id: str
    rule_version: str
    target_code: str
    natural_key: str
    artifact_version: int
    is_provisional: bool
    content_hash: str
    amount: Decimal | None
    currency_code: str | None
    status_code: str
    hold_reason: str | None
    payload: str


@dataclass(slots=True)
class Known:
    """What the outbox knows of one version of a document; named as the columns are."""

    intent_id: str
    target_code: str
    natural_key: str
    artifact_version: int
    content_hash: str
    payload_hash: str
    idem_key: str
    state: str
    attempts: int
    needs_approval: bool

    @classmethod
    def of(cls, row: ArtifactRow) -> "Known":
        """What will be known of an artifact that is about to be written."""
        return cls(
            intent_id_of(row),
            row.target_code,
            row.natural_key,
            row.artifact_version,
            row.content_hash,
            payload_hash(row.payload),
            "",
            State.READY if row.status_code == "ready" else State.HELD,
            0,
            needs_approval=False,
        )


def intent_id_of(row: ArtifactRow) -> str:
    """Return the id of an intent: the same artifact has the same wherever it is enqueued."""
    parts = (row.target_code, row.natural_key, row.content_hash, row.artifact_version)
    return f"in_{fingerprint(*parts)[:24]}"


def intent_row(row: ArtifactRow, idem_key: str, intent_no: int, now: datetime) -> dict[str, Any]:
    """Return the row of a new intent, held until it is released."""
    return {
        "intent_id": intent_id_of(row),
        "intent_no": intent_no,
        "target_code": row.target_code,
        "artifact_kind": row.artifact_kind,
        "artifact_id": row.artifact_id,
        "natural_key": row.natural_key,
        "artifact_version": row.artifact_version,
        "content_hash": row.content_hash,
        "tenant": row.tenant,
        "recon_key": row.recon_key,
        "order_key": row.order_key,
        "order_version": row.order_version,
        "rule_id": row.rule_id,
        "rule_version": row.rule_version,
        "is_provisional": row.is_provisional,
        "amount": None if row.amount is None else str(row.amount),
        "currency_code": row.currency_code,
        "idem_key": idem_key,
        "payload": row.payload,
        "payload_hash": payload_hash(row.payload),
        "gate_run_id": None,
        "needs_approval": False,
        "approval_id": None,
        "release_seq": None,
        "hold_reason": row.hold_reason or "held",
        "state": State.HELD,
        "attempts": 0,
        "failures": 0,
        "next_at": moment_text(now),
        "owner": None,
        "lease_until": None,
        "fence": 0,
        "first_sent_at": None,
        "was_unknown": False,
        "sweep_at": None,
        "settled_at": None,
        "receiver_ref": None,
        "last_error_class": None,
        "last_error": None,
    }
